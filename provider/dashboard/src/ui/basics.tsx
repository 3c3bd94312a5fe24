// The small parts that every page is made of.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api/client";
import { ago, moment } from "../format";
import { copy } from "../state/notes";
import { pieces } from "../text";
import { Icon, type IconName } from "./Icon";

/** Text of others: hidden characters are shown by name, and none of it reorders what stands around it. */
export function Safe({ text }: { text: string }) {
    return (
        <bdi>
            {pieces(text).map((piece, index) =>
                piece.hidden === "" ? (
                    piece.text
                ) : (
                    <span key={index} class="hidden-mark" title={piece.hidden}>
                        {piece.text}
                    </span>
                ),
            )}
        </bdi>
    );
}

export function TierBadge({ tier, title = "" }: { tier: string; title?: string }) {
    return (
        <span class={`badge tier-${tier}`} title={title}>
            {tier}
        </span>
    );
}

const STATUS_TEXT = ["ok", "app error", "dev error", "platform"];

export function StatusBadge({ status }: { status: number }) {
    return <span class={`badge status-${status === 0 ? "ok" : "bad"}`}>{STATUS_TEXT[status] ?? String(status)}</span>;
}

export function Button(props: {
    onClick: () => void;
    icon?: IconName;
    kind?: "primary" | "danger" | "quiet" | "";
    children?: ComponentChildren;
    label?: string;
    disabled?: boolean;
    title?: string;
    pressed?: boolean;
}) {
    return (
        <button
            type="button"
            class={`button ${props.kind ?? ""} ${props.children === undefined ? "icon-only" : ""}`}
            onClick={props.onClick}
            disabled={props.disabled ?? false}
            title={props.title ?? props.label}
            aria-label={props.label}
            aria-pressed={props.pressed}
        >
            {props.icon && <Icon name={props.icon} />}
            {props.children}
        </button>
    );
}

export function CopyButton({ text, what }: { text: string; what: string }) {
    return <Button icon="copy" kind="quiet" label={`Copy ${what}`} onClick={() => void copy(text, what)} />;
}

/** An error in place of what it kept us from showing. */
export function ErrorNote({ error, retry }: { error: ApiError; retry?: () => void }) {
    return (
        <div class="error-note" role="alert">
            <Icon name="alert" />
            <div>
                <p>
                    <Safe text={error.message} />
                </p>
                {error.code !== "" && (
                    <p class="muted small">
                        Transaction <code>{error.code}</code> <CopyButton text={error.code} what="transaction id" />
                    </p>
                )}
            </div>
            {retry && <Button onClick={retry}>Try again</Button>}
        </div>
    );
}

/** Nothing here yet, and what to do about it. */
export function Empty(props: { title: string; children: ComponentChildren; whole?: boolean }) {
    const { title, children } = props;
    return (
        <div class="empty">
            {props.whole ? <h1>{title}</h1> : <h2>{title}</h2>}
            {children}
        </div>
    );
}

export function Loading({ what }: { what: string }) {
    return (
        <p class="loading muted" role="status">
            Reading {what} …
        </p>
    );
}

export function Card(props: { title: string; children: ComponentChildren; aside?: ComponentChildren; wide?: boolean }) {
    return (
        <section class={`card ${props.wide ? "wide" : ""}`} aria-label={props.title}>
            <header class="card-head">
                <h2>{props.title}</h2>
                {props.aside}
            </header>
            {props.children}
        </section>
    );
}

/** A time that grows old on screen. */
export function Ago({ at }: { at: number | null }) {
    const [, tick] = useState(0);
    useEffect(() => {
        const timer = setInterval(() => tick((n) => n + 1), 5000);
        return () => clearInterval(timer);
    }, []);
    if (!at) return <span class="muted">never</span>;
    return (
        <time dateTime={new Date(at).toISOString()} title={moment(at)}>
            {ago(at)}
        </time>
    );
}

export function Command({ text }: { text: string }) {
    return (
        <div class="command">
            <pre tabIndex={0} aria-label="Command">
                {text}
            </pre>
            <CopyButton text={text} what="command" />
        </div>
    );
}
