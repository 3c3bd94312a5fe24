// What the machine does over time: a sample a second while the page is open.

import { signal } from "@preact/signals";
import type { PoolSample } from "../api/types";
import { onEvent } from "./stream";

export interface Sample {
    at: number; // epoch seconds
    cpuPercent: number;
    memoryMb: number;
    waiting: number;
    busy: number;
}

const MOST = 900;

export const samples = signal<Sample[]>([]);
export const pool = signal<PoolSample | null>(null);

export function watchPool(): () => void {
    const end = onEvent("pool", (data) => {
        const sample = data as PoolSample;
        pool.value = sample;
        const taken: Sample = {
            at: Date.now() / 1000,
            cpuPercent: sample.cpuPercent,
            memoryMb: sample.memoryUsedMb,
            waiting: sample.waiting,
            busy: sample.byState["busy"] ?? 0,
        };
        samples.value = [...samples.value.slice(1 - MOST), taken];
    });
    return () => {
        end();
        samples.value = [];
        pool.value = null;
    };
}
