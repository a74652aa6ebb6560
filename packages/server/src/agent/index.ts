// What the CLI uses of the agent.
export { Agent, checkAgentConfig, startAgent } from "./agent.ts";
export { type AgentFlags, agentSchema, loadAgentConfig } from "./config.ts";
