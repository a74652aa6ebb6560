import {
  createdTokenSchema,
  type NewToken,
  type NewUser,
  type TokenView,
  tokenListSchema,
  type UserView,
  userListSchema,
} from "@storewatch/model/api";
import { request } from "../../api/http.ts";

const OWN = "/api/storewatch/v1";

export const readUsers = async (): Promise<readonly UserView[]> =>
  userListSchema.parse(await request(`${OWN}/users`)).users;
export const readTokens = async (): Promise<readonly TokenView[]> =>
  tokenListSchema.parse(await request(`${OWN}/tokens`)).tokens;

export async function createUser(user: NewUser): Promise<void> {
  await request(`${OWN}/users`, { method: "POST", json: user });
}

/** Returns the token itself: the only time that it can be seen. */
export async function createToken(token: NewToken): Promise<string> {
  return createdTokenSchema.parse(await request(`${OWN}/tokens`, { method: "POST", json: token })).token;
}

export async function deleteUser(id: string): Promise<void> {
  await request(`${OWN}/users/${encodeURIComponent(id)}`, { method: "DELETE" });
}

export async function deleteToken(id: string): Promise<void> {
  await request(`${OWN}/tokens/${encodeURIComponent(id)}`, { method: "DELETE" });
}
