// The canvas with the hall on it: panned by dragging, zoomed by pinching, the wheel and buttons, tapped on.

import { button, h } from "../../fan/dom";
import type { Box, Hall } from "../../logic/hall";
import { moved, showing, whole, zoomed, type Size, type Viewport } from "../../logic/viewport";
import { paint, radius, schemeOf, type Scene, type Scheme } from "./paint";

/** The parts of a scene that the page decides. */
export type Shown = Omit<Scene, "hall" | "view" | "size" | "ratio" | "scheme" | "pointed">;

export interface Touched {
  /** A seat was clicked or tapped, large enough to be meant. */
  tap(seat: number): void;
  /** The mouse is over a seat, or over none. */
  point(seat: number | null): void;
}

const MARGIN = 28;
/** Pixels that a finger may stray while it taps. */
const STRAY = 8;
/** Below this radius a tap zooms in instead: what is meant cannot be told. */
const TAP_RADIUS = { mouse: 3.5, touch: 7 };
const READABLE_RADIUS = 13;
/** Seats that are shown are brought to at least this. */
const SHOWN_RADIUS = 7;
const LARGEST_RADIUS = 28;
const LEAST_HEIGHT = 300;
/** A painting that takes longer is stretched while the map moves, and painted anew a few times a second. */
const SLOW_MS = 9;
const REPAINT_MS = 110;

export class SeatCanvas {
  readonly node: HTMLElement;
  private canvas = h("canvas", { role: "img", "data-testid": "seat-canvas", "aria-label": "The hall’s seats. All that can be done here can be done with the lists, too." });
  private context = this.canvas.getContext("2d", { alpha: false })!;
  private view: Viewport = { scale: 1, left: 0, top: 0 };
  private size: Size = { width: 0, height: 0 };
  private fitted = true;
  private wanted = false;
  private pointers = new Map<number, { x: number; y: number }>();
  private strayed = false;
  private pointed: number | null = null;
  private scheme: Scheme | undefined;
  private last = { cost: 0, at: 0, view: this.view, copy: h("canvas") };
  private settle: ReturnType<typeof setTimeout> | undefined;

  constructor(private hall: Hall, private shown: () => Shown, private touched: Touched) {
    const zoom = (label: string, sign: string, go: () => void, testid: string): HTMLElement => button(sign, go, { "aria-label": label, title: label, "data-testid": testid });
    this.node = h("div", { class: "hall" }, this.canvas, h("div", { class: "zoom" },
      zoom("Larger", "+", () => this.zoom(1.7), "zoom-in"), zoom("Smaller", "−", () => this.zoom(1 / 1.7), "zoom-out"), zoom("The whole hall", "All", () => this.all(), "zoom-all")));
    new ResizeObserver(() => this.resized()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.scheme = undefined;
      this.redraw();
    });
    const on = <K extends keyof HTMLElementEventMap>(name: K, f: (e: HTMLElementEventMap[K]) => void): void => this.canvas.addEventListener(name, f as EventListener, { passive: false });
    on("pointerdown", (e) => this.down(e));
    on("pointermove", (e) => this.move(e));
    on("pointerup", (e) => this.up(e));
    on("pointercancel", (e) => this.pointers.delete(e.pointerId));
    on("pointerleave", () => this.point(null));
    on("wheel", (e) => this.wheel(e));
  }

  /** Something on it changed. */
  redraw(): void {
    if (this.wanted) return;
    this.wanted = true;
    requestAnimationFrame(() => {
      this.wanted = false;
      this.frame();
    });
  }

  all(): void {
    this.fitted = true;
    this.look(this.fit());
  }

  /** Where seats are as large as they get. */
  private get most(): number {
    return LARGEST_RADIUS / (this.hall.spacing * 0.42);
  }

  private fit(): Viewport {
    return whole(this.hall.box, this.size, MARGIN, this.most);
  }

  /** Brings seats into sight, large enough to be told apart. */
  show(seats: readonly number[]): void {
    const on = seats.filter((s) => s < this.hall.seats);
    if (!on.length || !this.size.width) return;
    const box: Box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
    for (const s of on) {
      box.left = Math.min(box.left, this.hall.x[s]!);
      box.right = Math.max(box.right, this.hall.x[s]!);
      box.top = Math.min(box.top, this.hall.y[s]!);
      box.bottom = Math.max(box.bottom, this.hall.y[s]!);
    }
    const margin = Math.min(60, this.size.width / 4, this.size.height / 4);
    const near = Math.min(SHOWN_RADIUS / radius(this.hall, this.view), this.most / this.view.scale);
    const middle = { x: (((box.left + box.right) / 2) - this.view.left) * this.view.scale, y: (((box.top + box.bottom) / 2) - this.view.top) * this.view.scale };
    this.set(showing(near > 1 ? zoomed(this.view, near, middle.x, middle.y, 0, this.most) : this.view, box, this.size, margin));
  }

  /** Large enough to read, around a seat. */
  near(seat: number): void {
    if (seat >= this.hall.seats || !this.size.width) return;
    const scale = Math.max(this.view.scale, READABLE_RADIUS / (this.hall.spacing * 0.42));
    this.set({ scale, left: this.hall.x[seat]! - this.size.width / scale / 2, top: this.hall.y[seat]! - this.size.height / scale / 2 });
  }

  private zoom(factor: number, x = this.size.width / 2, y = this.size.height / 2): void {
    this.set(zoomed(this.view, factor, x, y, this.fit().scale, this.most));
  }

  /** Looks at another part; never at less than the whole. */
  private set(next: Viewport): void {
    const fit = this.fit();
    this.fitted = next.scale <= fit.scale * 1.001;
    this.look(this.fitted ? fit : next);
  }

  private look(view: Viewport): void {
    this.view = moved(view, 0, 0, this.hall.box, this.size, MARGIN);
    // With all of it in sight a finger scrolls the page, as elsewhere on it.
    this.canvas.style.touchAction = this.fitted ? "pan-y" : "none";
    this.redraw();
  }

  private resized(): void {
    const { clientWidth: width } = this.canvas;
    if (!width) return;
    // As high as all of it needs at this width, within what leaves room for the rest of the page.
    const { left: l, right: r, top: t, bottom: b } = this.hall.box;
    const needs = ((width - 2 * MARGIN) * (b - t)) / Math.max(r - l, 1e-6) + 2 * MARGIN;
    const height = Math.round(Math.max(LEAST_HEIGHT, Math.min(needs, innerHeight * 0.62)));
    this.canvas.style.height = height + "px";
    if (this.size.width === width && this.size.height === height) return;
    const before = this.size;
    this.size = { width, height };
    const ratio = this.ratio();
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    if (this.fitted || !before.width) return this.all();
    // What was in the middle stays there.
    const { scale, left, top } = this.view;
    this.set({ scale, left: left + (before.width - width) / scale / 2, top: top + (before.height - height) / scale / 2 });
  }

  private ratio(): number {
    return Math.min(devicePixelRatio || 1, 2);
  }

  private frame(): void {
    if (!this.size.width || !this.canvas.isConnected) return;
    const now = performance.now();
    const { cost, at, view, copy } = this.last;
    if (this.pointers.size > 0 && cost > SLOW_MS && now - at < REPAINT_MS) {
      // The last painting, stretched to where it belongs now.
      const ratio = this.ratio();
      const grow = this.view.scale / view.scale;
      this.context.setTransform(1, 0, 0, 1, 0, 0);
      this.context.fillStyle = this.scheme!.card;
      this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
      this.context.drawImage(copy, (view.left - this.view.left) * this.view.scale * ratio, (view.top - this.view.top) * this.view.scale * ratio, copy.width * grow, copy.height * grow);
      clearTimeout(this.settle);
      this.settle = setTimeout(() => this.redraw(), REPAINT_MS);
      return;
    }
    this.scheme ??= schemeOf(this.canvas);
    paint(this.context, { ...this.shown(), hall: this.hall, view: this.view, size: this.size, ratio: this.ratio(), scheme: this.scheme, pointed: this.pointed });
    this.last.cost = performance.now() - now;
    this.last.at = performance.now();
    this.last.view = this.view;
    if (this.last.cost > SLOW_MS) {
      copy.width = this.canvas.width;
      copy.height = this.canvas.height;
      copy.getContext("2d")!.drawImage(this.canvas, 0, 0);
    }
    // How it is looked at, for who tests the page.
    this.canvas.dataset.view = [this.view.scale, this.view.left, this.view.top].join();
  }

  /** The seat at a point of the canvas, or the nearest within a finger's reach. */
  private at(x: number, y: number, reach: number): number | null {
    const { hall, view } = this;
    const [mx, my] = [x / view.scale + view.left, y / view.scale + view.top];
    let least = Math.max(hall.spacing * 0.5, reach / view.scale), found: number | null = null;
    for (const row of hall.rows) {
      if (mx < row.box.left - least || mx > row.box.right + least || my < row.box.top - least || my > row.box.bottom + least) continue;
      for (let i = row.first; i < row.end; i++) {
        const far = Math.hypot(hall.x[i]! - mx, hall.y[i]! - my);
        if (far < least) {
          least = far;
          found = i;
        }
      }
    }
    return found;
  }

  private where(e: MouseEvent): { x: number; y: number } {
    const box = this.canvas.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  }

  private down(e: PointerEvent): void {
    if (e.pointerType === "mouse" && e.button !== 0) return;
    this.canvas.setPointerCapture(e.pointerId);
    this.pointers.set(e.pointerId, this.where(e));
    if (this.pointers.size === 1) this.strayed = false;
    else this.strayed = true;
  }

  private move(e: PointerEvent): void {
    const now = this.where(e);
    const was = this.pointers.get(e.pointerId);
    if (!was) {
      if (e.pointerType === "mouse") this.point(radius(this.hall, this.view) < TAP_RADIUS.mouse ? null : this.at(now.x, now.y, 0));
      return;
    }
    if (this.pointers.size === 1) {
      if (!this.strayed && Math.hypot(now.x - was.x, now.y - was.y) < STRAY) return;
      this.strayed = true;
      this.view = moved(this.view, now.x - was.x, now.y - was.y, this.hall.box, this.size, MARGIN);
      this.redraw();
    } else if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== e.pointerId)![1];
      const before = Math.hypot(was.x - other.x, was.y - other.y), after = Math.hypot(now.x - other.x, now.y - other.y);
      const [x, y] = [(now.x + other.x) / 2, (now.y + other.y) / 2];
      this.view = moved(this.view, x - (was.x + other.x) / 2, y - (was.y + other.y) / 2, this.hall.box, this.size, MARGIN);
      if (before > 0) this.zoom(after / before, x, y);
    }
    this.pointers.set(e.pointerId, now);
  }

  private up(e: PointerEvent): void {
    const was = this.pointers.get(e.pointerId);
    this.pointers.delete(e.pointerId);
    this.redraw();
    if (!was || this.strayed || this.pointers.size > 0) return;
    const touch = e.pointerType !== "mouse";
    const { x, y } = was;
    if (radius(this.hall, this.view) < TAP_RADIUS[touch ? "touch" : "mouse"]) return this.zoom(READABLE_RADIUS / radius(this.hall, this.view), x, y);
    const seat = this.at(x, y, touch ? 14 : 0);
    if (seat !== null) this.touched.tap(seat);
  }

  private wheel(e: WheelEvent): void {
    if (!e.deltaY || (this.fitted && e.deltaY > 0)) return;
    e.preventDefault();
    const lines = e.deltaMode === 1 ? 16 : 1;
    const { x, y } = this.where(e);
    this.zoom(Math.exp(-e.deltaY * lines * (e.ctrlKey ? 0.01 : 0.0016)), x, y);
  }

  private point(seat: number | null): void {
    if (seat === this.pointed) return;
    this.pointed = seat;
    this.canvas.style.cursor = seat === null ? "grab" : "pointer";
    this.touched.point(seat);
    this.redraw();
  }
}
