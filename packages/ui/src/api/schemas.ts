// The schemas of our own API and of Grafana's answers. Imported lazily, so that the first paint does not wait for zod.
import { annotationSchema } from "@storewatch/model/api";
import { config, z } from "zod";

// The content security policy forbids code made at run time; without this zod would try it.
config({ jitless: true });

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
