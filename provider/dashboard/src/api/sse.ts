// Server-sent events over fetch: EventSource cannot send a key.

export interface ServerEvent {
    id: string;
    type: string;
    data: string;
}

/** Cuts a text stream into events; feed it pieces of any size. */
export class EventParser {
    private rest = "";
    private type = "";
    private data: string[] = [];
    /** Where to resume: set by every event that says so, also by one without data. */
    lastId = "";

    constructor(private readonly emit: (event: ServerEvent) => void) {}

    feed(piece: string): void {
        const lines = (this.rest + piece).split(/\r\n|\n|\r/);
        this.rest = lines.pop() ?? "";
        for (const line of lines) this.line(line);
    }

    private line(line: string): void {
        if (line === "") this.dispatch();
        else if (!line.startsWith(":")) this.field(line);
    }

    private field(line: string): void {
        const colon = line.indexOf(":");
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (name === "data") this.data.push(value);
        else if (name === "event") this.type = value;
        else if (name === "id") this.lastId = value;
    }

    private dispatch(): void {
        if (this.data.length > 0) {
            this.emit({ id: this.lastId, type: this.type || "message", data: this.data.join("\n") });
        }
        this.type = "";
        this.data = [];
    }
}
