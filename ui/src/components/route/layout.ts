import type { PathView, RoutePicture } from "../../ipc/host";

export interface Point {
  x: number;
  y: number;
}

/** A network of this device in the picture; a path may still speak of one that is gone. */
export interface NetNode extends Point {
  name: string;
  isUp: boolean;
}

export interface RelayNode extends Point {
  /** An address may be unknown for a while; a name is not. */
  name: string;
}

/** Where everything stands. Wide pictures read from left to right, narrow ones from top to bottom. */
export interface Layout {
  width: number;
  height: number;
  isTall: boolean;
  here: Point;
  nets: NetNode[];
  /** The edges of the two networks: where addresses are translated. */
  gateHere: [Point, Point];
  gateThere: [Point, Point];
  relays: RelayNode[];
  peer: Point;
}

const WIDE_FROM = 620;

export function layout(picture: RoutePicture, width: number): Layout {
  return width >= WIDE_FROM ? wide(picture, width) : tall(picture, width);
}

function netNames(picture: RoutePicture): { name: string; isUp: boolean }[] {
  const up = picture.here.interfaces.map((i) => i.name);
  const gone = picture.paths.map((p) => p.interface).filter((name) => !up.includes(name));
  const all = [
    ...up.map((name) => ({ name, isUp: true })),
    ...[...new Set(gone)].map((name) => ({ name, isUp: false })),
  ];
  // Each keeps its place, whichever is up.
  return all.sort((a, b) => a.name.localeCompare(b.name));
}

/** Places for `count` things, evenly from `from` to `to`. */
function spread(count: number, from: number, to: number): number[] {
  return Array.from({ length: count }, (_, i) => from + ((i + 0.5) * (to - from)) / count);
}

function wide(picture: RoutePicture, width: number): Layout {
  const names = netNames(picture);
  const bottom = Math.max(330, 150 + names.length * 90);
  const height = bottom + 34;
  const middle = bottom * 0.62;
  const ys = spread(names.length, bottom * 0.36, bottom * 0.96);
  const xs = spread(picture.relays.length, width * 0.42, width * 0.74);
  return {
    width,
    height,
    isTall: false,
    here: { x: 70, y: middle },
    nets: names.map((n, i) => ({ ...n, x: width * 0.27, y: ys[i] ?? middle })),
    gateHere: gate(width * 0.42, bottom * 0.36, width * 0.42, bottom * 0.92),
    gateThere: gate(width * 0.76, bottom * 0.36, width * 0.76, bottom * 0.92),
    relays: picture.relays.map((r, i) => ({ name: r.name, x: xs[i] ?? width / 2, y: 76 })),
    peer: { x: width - 70, y: middle },
  };
}

function tall(picture: RoutePicture, width: number): Layout {
  const names = netNames(picture);
  const relays = picture.relays.length;
  const xs = spread(names.length, 0, width * 0.66);
  const height = 540;
  return {
    width,
    height,
    isTall: true,
    here: { x: width * 0.33, y: 46 },
    nets: names.map((n, i) => ({ ...n, x: xs[i] ?? width / 3, y: 150 })),
    gateHere: gate(16, 240, width * 0.66 - 16, 240),
    gateThere: gate(16, 400, width * 0.66 - 16, 400),
    relays: picture.relays.map((r, i) => ({
      name: r.name,
      x: width - 46,
      y: 270 + (i - (relays - 1) / 2) * 110,
    })),
    peer: { x: width * 0.33, y: 490 },
  };
}

const gate = (x1: number, y1: number, x2: number, y2: number): [Point, Point] => [
  { x: x1, y: y1 },
  { x: x2, y: y2 },
];

/** The line of a path, as SVG; `nth` keeps those with the same ends apart. Null where an end is not in the picture. */
export function line(at: Layout, path: PathView, nth: number): string | null {
  const from = at.nets.find((n) => n.name === path.interface);
  if (!from) return null;
  if (path.kind === "direct") return bend(at, from, at.peer, nth * 12);
  const relay = at.relays.find((r) => r.name === path.relay) ?? at.relays[0];
  if (!relay) return null;
  return `${bend(at, from, relay, nth * 8)} ${bend(at, relay, at.peer, nth * 8)}`;
}

function bend(at: Layout, a: Point, b: Point, off: number): string {
  const half = at.isTall ? (a.y + b.y) / 2 : (a.x + b.x) / 2;
  const [c, d] = at.isTall
    ? [`${a.x + off} ${half}`, `${b.x + off} ${half}`]
    : [`${half} ${a.y + off}`, `${half} ${b.y + off}`];
  return `M${a.x} ${a.y}C${c} ${d} ${b.x} ${b.y}`;
}
