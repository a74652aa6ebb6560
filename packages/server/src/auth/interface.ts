import type { NewToken, NewUser, SignIn, TokenView, UserView } from "@storewatch/model/api";
import type { Principal } from "../tenant/principal.ts";

/** A sign-in that succeeded. */
export interface SignedIn {
  readonly principal: Principal;
  /** Value of Set-Cookie. */
  readonly cookie: string;
}

export interface Credentials {
  readonly authorization?: string;
  readonly cookie?: string;
}

export interface Auth {
  /**
   * Who asks; undefined when nothing was shown and anonymous access is off. Throws AUTH_INVALID for an Authorization
   * header that is not valid. A cookie that is not valid (any more) counts as none.
   */
  authenticate(credentials: Credentials): Promise<Principal | undefined>;
  /** Throws AUTH_SIGN_IN, TOO_MANY_SIGN_INS. `address` is the client's. */
  signIn(request: SignIn, address: string): Promise<SignedIn>;
  /** Ends the session; returns the Set-Cookie value that removes the cookie. */
  signOut(cookieHeader: string | undefined): Promise<string>;
  /** The token of a link `/?token=…` that signs in an admin: one use, 10 minutes. */
  createSignInLink(): Promise<string>;
  /** Throws AUTH_LINK_USED, TOO_MANY_SIGN_INS. */
  redeemSignInLink(token: string, address: string): Promise<SignedIn>;

  users(): Promise<readonly UserView[]>;
  /** Throws CONFLICT when the name is taken. */
  createUser(user: NewUser, by: Principal): Promise<UserView>;
  /** Throws NOT_FOUND. */
  deleteUser(id: string, by: Principal): Promise<void>;
  tokens(): Promise<readonly TokenView[]>;
  /** `token` is shown this once. */
  createToken(token: NewToken, by: Principal): Promise<TokenView & { readonly token: string }>;
  /** Throws NOT_FOUND. */
  deleteToken(id: string, by: Principal): Promise<void>;
  /** Writes to the audit trail what another feature did. */
  audit(by: Principal, action: string, subject: string, detail?: string): Promise<void>;

  /** Stops the hourly clean-up. */
  close(): void;
}
