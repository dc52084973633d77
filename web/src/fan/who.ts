// Who the fan is to the server: an account if signed in, else a signed anonymous visitor kept in this browser.

import { type Answer, call, Keeper, type Options, Problem, storage } from "../api";
import type { Acknowledgement, Listen, Visitor, Wishes } from "../wire";
import { $, button, fill, h } from "./dom";

export const local = storage("localStorage");
export const account = new Keeper(local, "usher.session");

/** What this browser keeps of a place. */
export interface Kept {
  receipt: string;
  listen: Listen;
  placeId: string;
  /** Whether it was taken with an account; signing out forgets it. */
  byAccount: boolean;
  /** The first `ahead` seen, for the progress bar. */
  first?: number;
  /** The `ahead` told last: it does not grow without a word. */
  ahead?: number;
  /** The signed acknowledgement of its entry in a lobby, for the draw's page. */
  ack?: Acknowledgement;
}

function read<T>(name: string): T | null {
  try {
    return JSON.parse(local?.getItem(name) ?? "null") as T | null;
  } catch {
    return null;
  }
}
function write(name: string, value: unknown): void {
  try {
    local?.setItem(name, JSON.stringify(value));
  } catch {
    // A full or forbidden storage: the page goes on, and only this tab knows.
  }
}

export const places = {
  name: (sale: string): string => "usher.place." + sale,
  get: (sale: string): Kept | null => read<Kept>(places.name(sale)),
  set: (sale: string, kept: Kept): void => write(places.name(sale), kept),
  drop: (sale: string): void => local?.removeItem(places.name(sale)),
};
export const remembered = {
  email: (): string => account.email ?? read<string>("usher.email") ?? "",
  setEmail: (email: string): void => write("usher.email", email),
  wishes: (sale: string): { party: number; wishes: Wishes } | null => read("usher.wishes." + sale),
  setWishes: (sale: string, w: { party: number; wishes: Wishes }): void => write("usher.wishes." + sale, w),
};

let forNow: Visitor | null = null;
function visitor(): Visitor | null {
  const v = read<Visitor>("usher.visitor") ?? forNow;
  return v && v.expires_at_ms > Date.now() ? v : null;
}

export function known(): boolean {
  return account.email !== null || visitor() !== null;
}

/** A call as the account or visitor this browser has. `make`: becomes a visitor where there is neither. */
export async function asFan<T>(method: string, path: string, o: Options = {}, make = false): Promise<Answer<T>> {
  if (account.email !== null) return account.call<T>(method, path, o);
  let v = visitor();
  if (!v && make) v = await become();
  if (!v) throw new Problem(401, "unauthorised", "Nobody is known here", "");
  try {
    return await call<T>(method, path, { ...o, bearer: v.token });
  } catch (e) {
    if (!make || (e as Problem).status !== 401) throw e;
    local?.removeItem("usher.visitor");
    forNow = null;
    return call<T>(method, path, { ...o, bearer: (await become()).token });
  }
}

async function become(): Promise<Visitor> {
  const made = (await call<Visitor>("POST", "/v1/visitors")).data;
  // Another tab may have been quicker; one visitor per browser.
  const v = visitor() ?? made;
  forNow = v;
  write("usher.visitor", v);
  return v;
}

type Dialog = { signIn(why?: string): Promise<boolean> };
let dialog: () => Promise<Dialog>;
/** Where the page has the sign-in dialog: it is fetched when it is asked for. */
export function dialogFrom(load: () => Promise<Dialog>): void {
  dialog = load;
}

/** Asks to sign in or up. Whether somebody is signed in now. */
export async function signIn(why?: string): Promise<boolean> {
  try {
    return await (await dialog()).signIn(why);
  } catch {
    alert("No connection. Try again in a moment.");
    return false;
  }
}

/** The header's corner: sign in, or who is signed in. */
export function corner(changed: () => void = () => location.reload()): void {
  const draw = (): void => {
    const email = account.email;
    fill($("nav"),
      h("a", { href: "/find" }, "Find a booking"),
      email === null
        ? button("Sign in", () => void signIn("With an account you reach your places and tickets from any device.").then((in_) => in_ && (draw(), changed())), { class: "link", "data-testid": "sign-in" })
        : button("Sign out", () => void leave().then(changed), { class: "link", title: email, "data-testid": "sign-out" }),
    );
  };
  const leave = async (): Promise<void> => {
    for (const name of Object.keys(local ?? {})) {
      if (name.startsWith("usher.place.") && read<Kept>(name)?.byAccount) local?.removeItem(name);
    }
    local?.removeItem("usher.email");
    await account.leave();
    draw();
  };
  account.onExpired = draw;
  draw();
}
