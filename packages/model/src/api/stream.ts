/**
 * GET /api/storewatch/v1/stream (server-sent events): each event names a topic whose data changed, at most one per topic
 * and second; the page then asks for what it shows. No data in the events, so nothing can leak between shops.
 */
export const STREAM_TOPICS = ["samples", "alerts", "notifications", "targets", "inbox", "annotations"] as const;
export type StreamTopic = (typeof STREAM_TOPICS)[number];
