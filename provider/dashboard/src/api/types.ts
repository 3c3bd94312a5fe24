// Shapes of the public API: OpenWhisk's, and those of /api/v1/argo.

export interface KeyValue {
    key: string;
    value: unknown;
    init?: boolean;
}

export interface Limits {
    timeout: number;
    memory: number;
    logs: number;
    concurrency: number;
}

export interface Exec {
    kind: string;
    code?: string;
    main?: string;
    binary?: boolean;
    image?: string;
    components?: string[];
}

export interface Action {
    namespace: string;
    name: string;
    version: string;
    updated: number;
    exec: Exec;
    parameters: KeyValue[];
    annotations: KeyValue[];
    limits: Limits;
}

export type Tier = "cold" | "warm" | "hot" | "native";
export const TIERS: readonly Tier[] = ["cold", "warm", "hot", "native"];

export interface FunctionRow {
    name: string;
    kind: string;
    version: string;
    updated: number;
    memoryMb: number;
    timeoutMs: number;
    web: boolean;
    tier: Tier;
    state: string;
    ratePerMinute: number;
    p50: number | null;
    p99: number | null;
    errorShare: number;
    invocations: number;
    coldShare: number;
    lastInvoked: number | null;
    warmSandboxes: number;
}

export interface Build {
    id: string;
    name: string;
    fingerprint: string;
    state: "queued" | "running" | "succeeded" | "failed" | "cancelled";
    started: number;
    ended: number | null;
    seconds: number;
    round: number;
    step: string;
    progress: number;
    failure: string | null;
    detail: string;
    artefactBytes: number | null;
}

export interface TierStep {
    at: number;
    from: string;
    to: string;
    reason: string;
}

export interface TierStory {
    name: string;
    state: string;
    since: number;
    reason: string;
    next: string;
    wishes: Record<string, unknown>;
    signals: Record<string, number | null>;
    build: Build | null;
    rounds: number;
    fingerprint: string;
    history?: TierStep[];
}

export type Wish = "optimise" | "demote" | "pin" | "unpin";

export interface Version {
    version: string;
    updated: number;
    kind: string;
    codeDigest: string;
    codeBytes: number;
    binary: boolean;
    current: boolean;
}

export type ActivationStatus = "success" | "application error" | "action developer error" | "whisk internal error";

export interface Activation {
    namespace: string;
    name: string;
    version: string;
    activationId: string;
    start: number;
    end?: number;
    duration?: number;
    cause?: string;
    statusCode?: number;
    response?: { status: ActivationStatus; success: boolean; result?: unknown; size?: number };
    resultTruncated?: boolean;
    logs?: string[];
    annotations: KeyValue[];
}

export interface Sandbox {
    id: string;
    technology: string;
    state: "cold" | "warming" | "warm" | "hibernated" | "busy" | "gone";
    kind: string;
    memoryMb: number;
    name: string;
    inFlight: number;
    idleMs: number;
}

export interface Niuk {
    id: string;
    sandbox: string;
    pid: number;
    started: number;
    memoryBytes: number;
    memoryLimitBytes: number;
    restarts: number;
    /** Each once, however many functions share it. */
    isolates: number;
    functions: {
        name: string;
        isolates: { spare: number; busy: number; total: number; shared: number };
        /** Of isolates that others live in, too: the function's even part. */
        memoryBytes: number;
        invocations: number;
    }[];
}

export interface Pool {
    memoryLimitMb: number;
    memoryUsedMb: number;
    starting: number;
    waiting: number;
    byState: Record<string, number>;
}

export interface Machine {
    cpus: number;
    cpuPercent: number;
    loadAverage: number[] | number;
    memoryBytes: number;
    memoryUsedBytes: number;
    pool: Pool;
    uptimeSeconds: number;
    version: string;
    degraded: string[];
    emulated: boolean;
    nodes?: { id: string; state: string; since: number; memoryMb: number }[];
}

/** The `pool` event: the machine's pool with two of its figures beside it. */
export interface PoolSample extends Pool {
    cpuPercent: number;
    memoryUsedBytes: number;
}

export interface Schedule {
    trigger: string;
    kind: "cron" | "interval" | "once";
    expression: string;
    timezone: string;
    next: number | null;
    paused: boolean;
    fired: number;
}

export interface Rule {
    namespace: string;
    name: string;
    version: string;
    trigger: { path: string; name: string };
    action: { path: string; name: string };
}

export interface Trigger {
    namespace: string;
    name: string;
    updated: number;
    annotations: KeyValue[];
}

export interface RuntimeKind {
    kind: string;
    deprecated: boolean;
    default: boolean;
    requireMain: boolean;
}

export function annotation(of: { annotations: KeyValue[] }, key: string): unknown {
    return of.annotations.find((each) => each.key === key)?.value;
}
