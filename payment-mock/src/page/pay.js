// The hosted payment page. The client secret and the way back are in the fragment,
// `#secret=…&return=…`, which browsers send to no server; from here the secret goes to the API in a
// header, never in an address.
"use strict";

const CARDS = [
  ["4242 4242 4242 4242", "pm_card_visa", "accepted"],
  ["4000 0000 0000 0002", "pm_card_chargeDeclined", "declined"],
  ["4000 0000 0000 9995", "pm_card_chargeDeclinedInsufficientFunds", "insufficient funds"],
  ["4000 0027 6000 3184", "pm_card_threeDSecure2Required", "the bank asks first"],
  ["4000 0000 0077 0001", "pm_usher_slow", "accepted after some seconds"],
  ["4000 0000 0077 0002", "pm_usher_silent", "accepted, the shop is not told"],
  ["4000 0000 0077 0003", "pm_usher_duplicate", "accepted, the shop is told three times"],
  ["4000 0000 0077 0004", "pm_usher_out_of_order", "accepted, the shop is told in reverse"],
  ["4000 0000 0077 0005", "pm_usher_success_after_cancel", "hangs; succeeds after a cancel"],
  ["4000 0000 0077 0006", "pm_usher_timeout_after_success", "accepted, the answer never comes"],
  ["4000 0000 0077 0007", "pm_usher_capture_refused", "authorised, the capture is refused"],
];
const PATIENCE_MS = 8000; // then the page stops waiting for an answer and asks how things stand
const POLL_MS = 1500;
const IDLE_POLL_MS = 10000; // an open form learns of a cancelled payment this soon
const MESSAGES = {
  insufficient_funds: "Your card has insufficient funds. Try another card.",
  authentication: "Your bank did not approve the payment. Try again or use another card.",
  declined: "Your card was declined. Try another card.",
};

const $ = (id) => document.getElementById(id);
const intent = location.pathname.split("/").pop();
const fragment = new URLSearchParams(location.hash.slice(1));
const secret = fragment.get("secret") || "";
const back = webAddress(fragment.get("return"));
let paying = false; // this visit tried to pay: return by itself once it worked
let shown = "";
let timer = 0;

// Only http and https lead anywhere; a `javascript:` address would run here.
function webAddress(text) {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url : null;
  } catch {
    return null;
  }
}

function wayBack(outcome) {
  if (!back) return null;
  const url = new URL(back);
  if (outcome) {
    url.searchParams.set("payment_intent", intent);
    url.searchParams.set("redirect_status", outcome);
  }
  return url.href;
}

async function call(method, path, form) {
  const headers = { authorization: `Bearer ${secret}` };
  if (form) {
    headers["content-type"] = "application/x-www-form-urlencoded";
    headers["idempotency-key"] = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");
  }
  const body = form && new URLSearchParams(form).toString();
  const answer = await fetch(path, { method, headers, body, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  return { status: answer.status, body: await answer.json() };
}

function say(text, bad) {
  // Writing the same text again would have it read out again.
  for (const [id, now] of [["status", bad ? "" : text], ["problem", bad ? text : ""]]) {
    if ($(id).textContent !== now) $(id).textContent = now;
  }
}

function show(part) {
  for (const id of ["card", "challenge", "end"]) $(id).hidden = id !== part;
}

function again(ms) {
  clearTimeout(timer);
  timer = setTimeout(refresh, ms);
}

function busy(is) {
  for (const button of document.querySelectorAll("form button, #challenge button")) button.disabled = is;
}

function amountOf(it) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency: it.currency.toUpperCase() });
  return format.format(it.amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

function refusal(error) {
  if (error.code === "payment_intent_authentication_failure") return MESSAGES.authentication;
  return MESSAGES[error.decline_code] || MESSAGES.declined;
}

function ended(text, label, outcome) {
  say(text);
  show("end");
  const href = wayBack(outcome);
  $("end").hidden = !href;
  $("back").hidden = true;
  if (href) {
    $("onward").href = href;
    $("onward").textContent = label;
  }
}

function render(it) {
  $("amount").textContent = amountOf(it);
  $("pay").textContent = `Pay ${amountOf(it)}`;
  busy(false);
  const first = shown !== it.status;
  shown = it.status;
  switch (it.status) {
    case "requires_payment_method":
    case "requires_confirmation":
      show("card");
      if (it.last_payment_error) say(refusal(it.last_payment_error), true);
      else if (first) say("");
      return again(IDLE_POLL_MS);
    case "requires_action":
      show("challenge");
      if (first) { say("Waiting for your bank."); $("approve").focus(); }
      return again(IDLE_POLL_MS);
    case "processing":
      show("");
      if (first) say("Your payment is being processed. You need not do anything.");
      paying = true;
      return again(POLL_MS);
    case "requires_capture":
    case "succeeded":
      ended(paying ? "Payment accepted. Taking you back…" : "This has already been paid.", "Continue", "succeeded");
      if (paying && back) setTimeout(() => location.replace(wayBack("succeeded")), 1200);
      return undefined;
    default:
      return ended("This payment was cancelled or has expired. Nothing was taken from your card.", "Back to the shop", "canceled");
  }
}

async function refresh() {
  try {
    const { status, body } = await call("GET", `/v1/payment_intents/${encodeURIComponent(intent)}`);
    if (status === 200) return render(body);
    if (status === 404 || status === 401) return ended("This payment link is not valid. Go back and try again.", "Back to the shop", "");
  } catch { /* the network; asked again below */ }
  if (!shown) say("Cannot reach the payment service. Trying again…", true);
  return again(2 * POLL_MS);
}

async function act(path, form) {
  clearTimeout(timer);
  busy(true);
  paying = true;
  shown = "";
  say("One moment…");
  try {
    const { status, body } = await call("POST", path, form);
    const it = status === 200 ? body : body.error && body.error.payment_intent;
    if (it) return render(it);
  } catch { /* no answer does not mean no payment: ask how things stand */ }
  return refresh();
}

function invalid(id, text) {
  for (const field of ["number", "expiry", "cvc"]) $(field).removeAttribute("aria-invalid");
  if (!id) return;
  $(id).setAttribute("aria-invalid", "true");
  $(id).focus();
  say(text, true);
}

$("card").addEventListener("submit", (event) => {
  event.preventDefault();
  const number = $("number").value.replace(/\D/g, "");
  const card = CARDS.find(([known]) => known.replace(/ /g, "") === number);
  if (!card) return invalid("number", "That is not a test card. Choose one below.");
  if (!/^(0[1-9]|1[0-2])\s*\/?\s*\d\d$/.test($("expiry").value.trim())) return invalid("expiry", "Write the expiry date as MM/YY.");
  if (!/^\d{3,4}$/.test($("cvc").value.trim())) return invalid("cvc", "The security code has three or four digits.");
  invalid();
  return act(`/v1/payment_intents/${encodeURIComponent(intent)}/confirm`, { payment_method: card[1] });
});
$("number").addEventListener("input", ({ target }) => {
  if (target.selectionEnd === target.value.length) {
    target.value = target.value.replace(/\D/g, "").replace(/(.{4})(?=.)/g, "$1 ");
  }
});
$("approve").addEventListener("click", () => act(`/pay/${encodeURIComponent(intent)}/challenge`, { outcome: "approve" }));
$("deny").addEventListener("click", () => act(`/pay/${encodeURIComponent(intent)}/challenge`, { outcome: "deny" }));
for (const [number, , meaning] of CARDS) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet" });
  button.textContent = `${number}: ${meaning}`;
  button.addEventListener("click", () => { $("number").value = number; $("number").focus(); });
  $("cards").append(document.createElement("li"));
  $("cards").lastChild.append(button);
}
if (back) {
  $("back").href = wayBack("");
  $("back").hidden = false;
}
refresh();
