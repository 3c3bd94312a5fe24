// One family of line icons, 20 × 20; decoration only, the words stand beside them.

const PATHS = {
    functions: "M13.5 4.5h-1.2c-1.3 0-2 .7-2.2 2l-1.2 7c-.2 1.3-.9 2-2.2 2H5.5M7 9h6",
    activity: "M2.5 10h3.2l2.3-6 4 12 2.3-6h3.2",
    machine: "M4 5.5h12v9H4zM7.5 8.5h5v3h-5zM7 3v2.5M13 3v2.5M7 14.5V17M13 14.5V17",
    plus: "M10 4v12M4 10h12",
    search: "M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4",
    copy: "M7 7h9v9H7zM13 7V4H4v9h3",
    sun: "M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10 1.8v1.7M10 16.5v1.7M1.8 10h1.7M16.5 10h1.7M4.2 4.2l1.2 1.2M14.6 14.6l1.2 1.2M15.8 4.2l-1.2 1.2M5.4 14.6l-1.2 1.2",
    moon: "M16.5 11.5A7 7 0 0 1 8.5 3.5a7 7 0 1 0 8 8z",
    command: "M3.5 4.5h13v11h-13zM6.5 8l2 2-2 2M10.5 12h3",
    check: "M4 10.5l4 4 8-9",
    alert: "M10 3.2l7.5 13.3h-15zM10 8v4M10 14.2v.3",
    play: "M6 4l9.5 6L6 16z",
    pause: "M7 4.5v11M13 4.5v11",
    back: "M12.5 4.5L7 10l5.5 5.5",
    next: "M7.5 4.5L13 10l-5.5 5.5",
    undo: "M4 8h8a4.5 4.5 0 0 1 0 9H8M4 8l3.5-3.5M4 8l3.5 3.5",
    out: "M8 4H4v12h12v-4M11 3.5h5.5V9M16 4l-7 7",
    trash: "M4 5.5h12M8 5V3.5h4V5M5.5 5.5l.8 11h7.4l.8-11M8.5 8.5v5M11.5 8.5v5",
    close: "M5 5l10 10M15 5L5 15",
    leave: "M8 4H4v12h4M8 10h9M13.5 6.5L17 10l-3.5 3.5",
    up: "M10 16V5M5.5 9L10 4.5 14.5 9",
    down: "M10 4v11M5.5 11l4.5 4.5 4.5-4.5",
    upload: "M10 13V4M6 7.5L10 3.5l4 4M4 13v3h12v-3",
    bolt: "M11 2.5L4.5 11.5H10l-1 6 6.5-9H10z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
    return (
        <svg class="icon" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
            <path
                d={PATHS[name]}
                fill="none"
                stroke="currentColor"
                stroke-width="1.5"
                stroke-linecap="round"
                stroke-linejoin="round"
            />
        </svg>
    );
}

/** A sail over a hull. */
export function Mark({ size = 28 }: { size?: number }) {
    return (
        <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false" class="mark">
            <rect width="32" height="32" rx="9" class="mark-ground" />
            <path d="M15 6v15H7z" fill="#fff" />
            <path d="M17 10v11h7z" fill="#fff" opacity=".7" />
            <path d="M6 23h20l-3 4H9z" fill="#fff" />
        </svg>
    );
}
