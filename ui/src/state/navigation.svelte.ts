export const VIEWS = ["people", "call", "route", "settings", "diagnostics"] as const;
export type View = (typeof VIEWS)[number];

/** Where in the window one is: `#/people/bob@example.org`. The address keeps it, so that Back works. */
export class Navigation {
  view = $state<View>("people");
  /** Whose page of the people is open. */
  person = $state<string | null>(null);

  constructor() {
    this.#read();
    window.addEventListener("hashchange", () => this.#read());
  }

  go(view: View, person: string | null = null) {
    const hash = person ? `#/${view}/${encodeURIComponent(person)}` : `#/${view}`;
    if (location.hash !== hash) location.hash = hash;
    this.view = view;
    this.person = person;
  }

  #read() {
    const [view, person] = location.hash.replace(/^#\//, "").split("/");
    this.view = VIEWS.find((v) => v === view) ?? "people";
    this.person = person ? decodeURIComponent(person) : null;
  }
}
