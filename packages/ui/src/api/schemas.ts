// The schemas of our own API and of Grafana's answers. Imported lazily, so that the first paint does not wait for zod.
import { annotationSchema } from "@storewatch/model/api";
import { z } from "zod";

export {
  inboxSchema,
  notificationListSchema,
  overviewSchema,
  sessionSchema,
  tenantListSchema,
  tenantOverviewSchema,
} from "@storewatch/model/api";

export const annotationListSchema = z.array(annotationSchema);

export const searchSchema = z.array(
  z.looseObject({
    uid: z.string(),
    title: z.string(),
    type: z.string().optional(),
    tags: z.array(z.string()).optional(),
    folderTitle: z.string().optional(),
  }),
);
