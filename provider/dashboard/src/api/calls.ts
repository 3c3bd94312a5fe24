// One function per call of the API that the page makes.

import { authorization, call, encodeName, errorOf, get, request } from "./client";
import type { Answer } from "./client";
import type * as T from "./types";

const NS = "/api/v1/namespaces/_";
const OWN = "/api/v1/argo";

/** The namespace of a key that is not signed in yet. */
export async function namespaceOf(key: string): Promise<string> {
    const [name] = await get<string[]>("/api/v1/namespaces", { headers: { Authorization: authorization(key) } });
    return name ?? "";
}

export interface Description {
    runtimes: Record<string, T.RuntimeKind[]>;
    limits: Record<string, number>;
}

export const description = () => get<Description>("/");

export const listFunctions = (limit: number, skip: number, signal: AbortSignal) =>
    get<{ functions: T.FunctionRow[]; total: number }>(`${OWN}/functions?limit=${limit}&skip=${skip}`, { signal });

// ---------------------------------------------------------------- actions

export const getAction = (name: string) => call<T.Action>("GET", `${NS}/actions/${encodeName(name)}`);

export interface ActionPut {
    exec?: T.Exec;
    parameters?: T.KeyValue[];
    annotations?: T.KeyValue[];
    delAnnotations?: string[];
    limits?: Partial<T.Limits>;
}

/** Saves. With `etag`, only if nobody saved since (412 otherwise). */
export function putAction(name: string, body: ActionPut, overwrite: boolean, etag = ""): Promise<Answer<T.Action>> {
    const headers: Record<string, string> = etag === "" ? {} : { "If-Match": etag };
    return call<T.Action>("PUT", `${NS}/actions/${encodeName(name)}?overwrite=${overwrite}`, { body, headers });
}

export const putPackage = (name: string) =>
    call("PUT", `${NS}/packages/${encodeURIComponent(name)}?overwrite=true`, { body: {} });

export const deleteAction = (name: string) => call("DELETE", `${NS}/actions/${encodeName(name)}`);

/** A blocking invocation. 202: it goes on, only its id is known. Errors of the action are answers too. */
export async function invoke(
    name: string,
    payload: unknown,
    signal: AbortSignal,
): Promise<Answer<Partial<T.Activation>>> {
    const path = `${NS}/actions/${encodeName(name)}?blocking=true`;
    const response = await request("POST", path, { body: payload, signal });
    const body: unknown = await response.json();
    const id = response.headers.get("x-openwhisk-activation-id");
    if (response.status >= 400 && id === null) throw errorOf(response, body);
    const record = Array.isArray(body) ? {} : (body as Partial<T.Activation>);
    return {
        body: { ...record, ...(id === null ? {} : { activationId: id }) },
        status: response.status,
        headers: response.headers,
    };
}

// ---------------------------------------------------------------- activations

export interface ActivationQuery {
    limit: number;
    name?: string;
    upto?: number;
    skip?: number;
}

export function listActivations(query: ActivationQuery): Promise<T.Activation[]> {
    const search = new URLSearchParams({ limit: String(query.limit) });
    if (query.name) search.set("name", query.name);
    if (query.upto !== undefined) search.set("upto", String(query.upto));
    if (query.skip) search.set("skip", String(query.skip));
    return get<T.Activation[]>(`${NS}/activations?${search}`);
}

export const getActivation = (id: string) => get<T.Activation>(`${NS}/activations/${encodeURIComponent(id)}`);

// ---------------------------------------------------------------- tiers, builds, versions

export const getTier = (name: string) => get<T.TierStory>(`${OWN}/tiers/${encodeName(name)}`);

export const wish = (name: string, wanted: T.Wish) =>
    call<T.TierStory>("POST", `${OWN}/tiers/${encodeName(name)}`, { body: { wish: wanted } });

export async function listBuilds(name = ""): Promise<T.Build[]> {
    const filter = name === "" ? "" : `name=${encodeURIComponent(name)}&`;
    return (await get<{ builds: T.Build[] }>(`${OWN}/builds?${filter}limit=30`)).builds;
}

export async function buildLog(id: string, offset: number): Promise<{ text: string; next: number }> {
    const response = await request("GET", `${OWN}/builds/${encodeURIComponent(id)}/log?offset=${offset}`);
    const text = await response.text();
    if (!response.ok) throw errorOf(response, null);
    return { text, next: Number(response.headers.get("X-Next-Offset") ?? offset) };
}

export async function listVersions(name: string): Promise<T.Version[]> {
    return (await get<{ versions: T.Version[] }>(`${OWN}/versions/${encodeName(name)}`)).versions;
}

export const getVersion = (name: string, version: string) =>
    get<T.Action>(`${OWN}/versions/${encodeName(name)}/${encodeURIComponent(version)}`);

export const restoreVersion = (name: string, version: string) =>
    call<T.Action>("POST", `${OWN}/versions/${encodeName(name)}/${encodeURIComponent(version)}/restore`);

// ---------------------------------------------------------------- the machine

export const getMachine = () => get<T.Machine>(`${OWN}/machine`);

export async function listSandboxes(): Promise<T.Sandbox[]> {
    return (await get<{ sandboxes: T.Sandbox[] }>(`${OWN}/sandboxes`)).sandboxes;
}

export async function listNiuks(): Promise<T.Niuk[]> {
    return (await get<{ niuks: T.Niuk[] }>(`${OWN}/niuks`)).niuks;
}

export async function listSchedules(): Promise<T.Schedule[]> {
    return (await get<{ schedules: T.Schedule[] }>(`${OWN}/schedules`)).schedules;
}

export const listRules = () => get<T.Rule[]>(`${NS}/rules?limit=0`);
export const listTriggers = () => get<T.Trigger[]>(`${NS}/triggers?limit=0`);
