// Text that others wrote, made safe to look at: nothing hidden, nothing reordered, nothing endless.

export interface Piece {
    text: string;
    /** The code point of what cannot be seen, e.g. "U+202E"; "" for plain text. */
    hidden: string;
}

// Control characters but tab and newline; marks that reorder or hide text.
const HIDDEN = /(?![\t\n])\p{Cc}|[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** Splits text so that every hidden character can be shown by name. */
export function pieces(text: string): Piece[] {
    const found: Piece[] = [];
    let from = 0;
    for (const match of text.matchAll(HIDDEN)) {
        if (match.index > from) found.push({ text: text.slice(from, match.index), hidden: "" });
        found.push(shown(match[0]));
        from = match.index + match[0].length;
    }
    if (from < text.length) found.push({ text: text.slice(from), hidden: "" });
    return found;
}

function shown(character: string): Piece {
    const point = character.codePointAt(0) ?? 0;
    const name = "U+" + point.toString(16).toUpperCase().padStart(4, "0");
    if (point < 0x20) return { text: String.fromCodePoint(0x2400 + point), hidden: name };
    return { text: point === 0x7f ? "\u2421" : `⟨${name}⟩`, hidden: name };
}

/** One line for titles and labels: hidden characters by their name. */
export function plain(text: string): string {
    return pieces(text.replace(/\s+/g, " "))
        .map((piece) => piece.text)
        .join("");
}

/** `text`, cut before it is too long to lay out; never within a surrogate pair. */
export function cut(text: string, most: number): string {
    if (text.length <= most) return text;
    const code = text.charCodeAt(most - 1);
    return text.slice(0, code >= 0xd800 && code < 0xdc00 ? most - 1 : most);
}

export interface LogLine {
    time: string;
    stream: "stdout" | "stderr" | "";
    text: string;
}

const LINE = /^(\d{4}-\d\d-\d\dT[\d:.]+Z)\s+(stdout|stderr): ?([\s\S]*)$/;

/** A line of an activation's logs; what is not of that form is text as a whole. */
export function logLine(line: string): LogLine {
    const match = LINE.exec(line);
    if (!match) return { time: "", stream: "", text: line };
    return { time: match[1] ?? "", stream: match[2] as "stdout" | "stderr", text: match[3] ?? "" };
}

/** JSON for reading. */
export function pretty(value: unknown): string {
    return JSON.stringify(value, null, 2) ?? "";
}

/** As it stands in a field: text plainly, all else as JSON; text that would read as JSON keeps its quotes. */
export function toField(value: unknown): string {
    if (typeof value !== "string") return JSON.stringify(value) ?? "null";
    return fromField(value) === value ? value : JSON.stringify(value);
}

export function fromField(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}
