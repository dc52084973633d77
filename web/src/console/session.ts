// The consoles' session: in sessionStorage, renewed by rotation, gone with the tab.

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { type Answer, Keeper, type Options, storage } from "../api";
import type { Me } from "../wire";

export const keeper = new Keeper(storage("sessionStorage"), "usher.console");

export function api<T>(method: string, path: string, o?: Options): Promise<Answer<T>> {
  return keeper.call<T>(method, path, o);
}
export const get = <T>(path: string): Promise<T> => api<T>("GET", path).then((a) => a.data);

export interface Who { me: Me; reload(): Promise<void> }
export const WhoContext = createContext<Who | null>(null);
export const useWho = (): Who => useContext(WhoContext)!;
