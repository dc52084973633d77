// The consoles' session: in sessionStorage, renewed by rotation, gone with the tab.

import { createContext } from "preact";
import { useContext, useRef } from "preact/hooks";
import { type Answer, Keeper, newKey, type Options, storage } from "../api";
import type { Me } from "../wire";

export const keeper = new Keeper(storage("sessionStorage"), "usher.console");

export function api<T>(method: string, path: string, o?: Options): Promise<Answer<T>> {
  return keeper.call<T>(method, path, o);
}
/** For a form whose POST creates. The same sent again after a lost answer has the key of the first try, so that nothing is made
 *  twice; what was changed meanwhile, and what was made, begins with a new one. */
export function useOnce(): <T>(path: string, body: unknown) => Promise<Answer<T>> {
  const tried = useRef({ what: "", key: "" });
  return async <T>(path: string, body: unknown): Promise<Answer<T>> => {
    const what = path + JSON.stringify(body);
    if (tried.current.what !== what) tried.current = { what, key: newKey() };
    const answer = await api<T>("POST", path, { body, key: tried.current.key });
    tried.current = { what: "", key: "" };
    return answer;
  };
}
export const get = <T>(path: string): Promise<T> => api<T>("GET", path).then((a) => a.data);

export interface Who { me: Me; reload(): Promise<void> }
export const WhoContext = createContext<Who | null>(null);
export const useWho = (): Who => useContext(WhoContext)!;
