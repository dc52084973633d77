// `/operator`: one sale live, its knobs, its audit log.

import type { JSX } from "preact";
import { mount } from "../console/shell";
import { useWay } from "../console/ui";
import { LiveSale } from "./live";
import { Pick } from "./pick";

function Operator(): JSX.Element {
  const [kind, id, tab] = useWay();
  return kind === "s" && id ? <LiveSale key={id} id={id} tab={tab ?? "live"} /> : <Pick />;
}

mount("Operator console", "/operator", <Operator />);
