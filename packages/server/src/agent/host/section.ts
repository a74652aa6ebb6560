// Section `host` of agent.yml.
import { z } from "zod";

const names = z.array(z.string().min(1)).default([]);

export const hostSchema = z
  .strictObject({
    enable: names.describe("Collectors of the host to run beside those that are on by default."),
    disable: names.describe("Collectors of the host to leave out."),
  })
  .prefault({});

export type HostSection = z.output<typeof hostSchema>;
