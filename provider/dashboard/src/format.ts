// Numbers and times as people read them.

const NONE = "–";

/** A record's duration, which is whole milliseconds: 0 is less than one. */
export function took(ms: number | null | undefined): string {
    return ms === 0 ? "< 1 ms" : duration(ms);
}

/** Milliseconds: "0.42 ms", "12 ms", "1.3 s", "2 min 5 s". */
export function duration(ms: number | null | undefined): string {
    if (ms === null || ms === undefined || !Number.isFinite(ms)) return NONE;
    if (ms < 10) return `${trim(ms.toFixed(ms < 1 ? 2 : 1))} ms`;
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 60_000) return `${trim((ms / 1000).toFixed(ms < 10_000 ? 2 : 1))} s`;
    const seconds = Math.round(ms / 1000);
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
    if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
    return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

function trim(text: string): string {
    return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

export function bytes(count: number | null | undefined): string {
    if (count === null || count === undefined) return NONE;
    let value = count;
    for (const unit of ["B", "KB", "MB", "GB"]) {
        if (value < 1024) return `${trim(value.toFixed(value < 10 && unit !== "B" ? 1 : 0))} ${unit}`;
        value /= 1024;
    }
    return `${trim(value.toFixed(1))} TB`;
}

export function megabytes(mb: number | null | undefined): string {
    return mb === null || mb === undefined ? NONE : bytes(mb * 1024 * 1024);
}

/** A share of 1: "0 %", "0.4 %", "12 %". */
export function share(value: number | null | undefined): string {
    if (value === null || value === undefined) return NONE;
    const percent = value * 100;
    return `${percent > 0 && percent < 10 ? trim(percent.toFixed(1)) : Math.round(percent)} %`;
}

export function rate(perMinute: number): string {
    if (perMinute === 0) return "0";
    return perMinute < 10 ? trim(perMinute.toFixed(1)) : Math.round(perMinute).toLocaleString("en");
}

export function count(value: number): string {
    return value.toLocaleString("en");
}

/** "just now", "5 min ago", "in 3 h". */
export function ago(at: number | null | undefined, now = Date.now()): string {
    if (at === null || at === undefined || at === 0) return NONE;
    const seconds = Math.round((now - at) / 1000);
    const far = Math.abs(seconds);
    if (far < 5) return "just now";
    const text =
        far < 60
            ? `${far} s`
            : far < 3600
              ? `${Math.floor(far / 60)} min`
              : far < 86_400
                ? `${Math.floor(far / 3600)} h`
                : `${Math.floor(far / 86_400)} d`;
    return seconds >= 0 ? `${text} ago` : `in ${text}`;
}

export function clock(at: number): string {
    return new Date(at).toLocaleTimeString("en-GB", { hour12: false }) + "." + String(at % 1000).padStart(3, "0");
}

export function moment(at: number): string {
    return new Date(at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}
