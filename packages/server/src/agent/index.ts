// What the CLI uses of the agent.
export { Agent, type RunningAgent, startAgent } from "./agent.ts";
export { type AgentConfig, type AgentFlags, agentSchema, loadAgentConfig } from "./config.ts";
