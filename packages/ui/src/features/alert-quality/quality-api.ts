import { type AlertQuality, alertQualitySchema } from "@storewatch/model/api";
import { request } from "../../api/http.ts";

export const readAlertQuality = async (days: number): Promise<AlertQuality> =>
  alertQualitySchema.parse(await request(`/api/storewatch/v1/alert-quality?range=${days}d`));
