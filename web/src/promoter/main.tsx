// `/promoter`: organisations, events, seat maps, sales, bookings.

import type { JSX } from "preact";
import { useWay } from "../console/ui";
import { mount } from "../console/shell";
import { EventPage } from "./event";
import { OrganisationPage, Organisations } from "./organisations";

function Promoter(): JSX.Element {
  const [kind, id, tab] = useWay();
  if (kind === "o" && id) return <OrganisationPage key={id} id={id} />;
  if (kind === "e" && id) return <EventPage key={id} id={id} tab={tab ?? "details"} />;
  return <Organisations />;
}

mount("Promoter console", "/promoter", <Promoter />);
