// The check off the page's thread: files in, progress and the result out; then entries in, their numbers out.

import { acknowledged, type Proved } from "./acknowledged";
import { check, type Followed, type Result, type Step } from "./check";
import type { Draw, Fault } from "./statements";

export type Asked = { files: Record<string, Blob> } | { entry: number } | { acknowledgement: string; files: Record<string, Blob>; keys: string[] };
export type Told =
  | { step: Step; done: number; holds: boolean | undefined }
  | { faults: Fault[]; draw: Draw | null; unprovable: string[] }
  | { entry: number; followed: Followed | null }
  | { own: { faults: Fault[] } | { proved: Proved } }
  | { broken: string };

const scope = globalThis as unknown as { postMessage(told: Told): void; onmessage: ((e: MessageEvent<Asked>) => void) | null };
let result: Result | null = null;

async function answer(asked: Asked): Promise<void> {
  if ("acknowledgement" in asked) {
    scope.postMessage({ own: await acknowledged(asked.acknowledgement, async (name) => asked.files[name] ?? null, asked.keys) });
  } else if ("files" in asked) {
    result = await check(async (name) => asked.files[name] ?? null, (step, done, holds) => scope.postMessage({ step, done, holds }));
    scope.postMessage({ faults: result.faults, draw: result.draw, unprovable: result.unprovable });
  } else if (result) {
    scope.postMessage({ entry: asked.entry, followed: result.follow(asked.entry) });
  }
}

scope.onmessage = (e) => void answer(e.data).catch((fault: Error) => scope.postMessage({ broken: fault.message }));
