// Lines over time, drawn by uPlot in the page's own colours.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { dark } from "../state/theme";

export interface Line {
    label: string;
    values: (number | null)[];
    colour: string; // name of a CSS variable
}

interface Props {
    label: string;
    times: number[];
    lines: Line[];
    format: (value: number) => string;
    least?: number; // the scale reaches at least so high
    height?: number;
}

export function Chart(props: Props) {
    const host = useRef<HTMLDivElement>(null);
    const plot = useRef<uPlot | null>(null);
    const isDark = dark.value;
    const format = useRef(props.format);
    format.current = props.format;
    const names = props.lines.map((line) => line.label).join("|");
    useEffect(() => {
        const element = host.current;
        if (!element) return undefined;
        const made = new uPlot(options(element, props, format), dataOf(props), element);
        plot.current = made;
        const observer = new ResizeObserver(() =>
            made.setSize({ width: element.clientWidth, height: props.height ?? 140 }),
        );
        observer.observe(element);
        return () => {
            observer.disconnect();
            made.destroy();
        };
    }, [isDark, names]);
    useEffect(() => plot.current?.setData(dataOf(props)), [props.times]);
    const last = props.lines.map((line) => `${line.label} ${said(line, props.format)}`).join(", ");
    return (
        <figure class="chart">
            <figcaption>
                {props.lines.map((line) => (
                    <span key={line.label}>
                        <span class={`dot ${line.colour}`} aria-hidden="true" />
                        {line.label} <strong>{said(line, props.format)}</strong>
                    </span>
                ))}
            </figcaption>
            <div ref={host} role="img" aria-label={`${props.label}; now ${last}`} />
        </figure>
    );
}

function said(line: Line, format: (value: number) => string): string {
    const value = line.values.at(-1);
    return value === null || value === undefined ? "–" : format(value);
}

function dataOf(props: Props): uPlot.AlignedData {
    return [props.times, ...props.lines.map((line) => line.values)];
}

function options(element: HTMLElement, props: Props, format: { current: (value: number) => string }): uPlot.Options {
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const axis = {
        stroke: colour("muted"),
        grid: { stroke: colour("line"), width: 1 },
        ticks: { show: false },
        font: "11px Inter, sans-serif",
    };
    return {
        width: element.clientWidth,
        height: props.height ?? 140,
        legend: { show: false },
        cursor: { show: false },
        padding: [8, 28, 0, 0],
        scales: { y: { range: (_, __, high) => [0, Math.max(props.least ?? 1, (high || 0) * 1.1)] } },
        axes: [
            {
                ...axis,
                values: (_, ticks) => ticks.map((at) => new Date(at * 1000).toLocaleTimeString("en-GB")),
                space: 90,
                size: 26,
            },
            { ...axis, size: 60, values: (_, ticks) => ticks.map((value) => format.current(value)), space: 36 },
        ],
        series: [
            {},
            ...props.lines.map((line) => ({
                label: line.label,
                stroke: colour(line.colour),
                fill: colour(`${line.colour}-faint`) || "transparent",
                width: 1.5,
                points: { show: false },
            })),
        ],
    };
}
