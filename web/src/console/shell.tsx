// Signing in, and the frame around a console. When a session ends, the sign-in comes over the page: nothing typed is lost.

import { render, type ComponentChildren, type JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api";
import type { Me } from "../wire";
import { get, keeper, WhoContext } from "./session";
import { Fault, Field, useWork } from "./ui";

function SignIn({ title, why, done }: { title: string; why?: string; done: () => Promise<void> }): JSX.Element {
  const [fresh, setFresh] = useState(false);
  const [email, setEmail] = useState(keeper.email ?? "");
  const [password, setPassword] = useState("");
  const w = useWork();
  return (
    <form class="card narrow" onSubmit={(e) => {
      e.preventDefault();
      void w.run(async () => {
        await keeper.enter(fresh ? "accounts" : "sessions", email.trim(), password);
        await done();
      });
    }}>
      <h1>{fresh ? "Make an account" : title}</h1>
      {why && <p>{why}</p>}
      <Field label="E-mail" type="email" autocomplete="username" required value={email} set={setEmail} />
      <Field label="Password" type="password" required minLength={8} maxLength={128} autocomplete={fresh ? "new-password" : "current-password"} value={password} set={setPassword}
        hint={fresh ? "8 characters or more; long beats odd." : undefined} />
      <Fault p={w.fault} />
      <div class="row">
        <button class="main" type="submit" aria-disabled={w.busy} data-testid="sign-in-submit">{w.busy ? "One moment…" : fresh ? "Make the account" : "Sign in"}</button>
        <button type="button" class="link" onClick={() => { setFresh(!fresh); w.clear(); }}>{fresh ? "I have an account" : "New here? Make an account"}</button>
      </div>
    </form>
  );
}

function Overlay({ children }: { children: ComponentChildren }): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => ref.current?.showModal(), []);
  return <dialog ref={ref} aria-label="Sign in again" onCancel={(e) => e.preventDefault()}>{children}</dialog>;
}

function Console({ name, path, children }: { name: string; path: string; children: ComponentChildren }): JSX.Element {
  const [me, setMe] = useState<Me | null>(null);
  const [fault, setFault] = useState<Problem | null>(null);
  const [expired, setExpired] = useState(false);
  const [out, setOut] = useState(keeper.email === null);
  const load = async (): Promise<void> => {
    setFault(null);
    try {
      setMe(await get<Me>("/v1/me"));
      setOut(false);
      setExpired(false);
    } catch (e) {
      const p = e as Problem;
      if (p.code === "session-expired") setOut(true);
      else setFault(p);
    }
  };
  useEffect(() => {
    keeper.onExpired = () => setExpired(true);
    if (keeper.email !== null) void load();
  }, []);
  const other = path === "/promoter" ? { href: "/operator", words: "Operator console" } : { href: "/promoter", words: "Promoter console" };
  return (
    <>
      <header class="top">
        <p><a class="brand" href={path + "#/"}>Usher</a> <span class="muted">{name}</span></p>
        <nav aria-label="Console">
          <a href={other.href}>{other.words}</a>
          <a href="/">Fan pages</a>
          {me && <span class="small email">{me.email}</span>}
          {me && <button type="button" class="link" onClick={() => void keeper.leave().then(() => { setMe(null); setOut(true); })}>Sign out</button>}
        </nav>
      </header>
      <main id="main" tabIndex={-1} data-state={me ? "ready" : out ? "signed-out" : fault ? "problem" : "loading"}>
        {me ? <WhoContext.Provider value={{ me, reload: load }}>{children}</WhoContext.Provider>
          : out ? <SignIn title={`Sign in to the ${name.toLowerCase()}`} done={load} />
          : fault ? <><h1>{name}</h1><Fault p={fault} again={() => void load()} /></>
          : <h1 class="muted">One moment…</h1>}
      </main>
      {me && expired && (
        <Overlay><SignIn title="Sign in again" why="Your session has ended. Nothing you typed is lost: after signing in, send it again." done={load} /></Overlay>
      )}
    </>
  );
}

export function mount(name: string, path: string, app: JSX.Element): void {
  document.title = name + " – Usher";
  render(<Console name={name} path={path}>{app}</Console>, document.getElementById("app")!);
}
