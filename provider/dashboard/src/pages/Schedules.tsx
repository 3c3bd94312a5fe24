// Triggers with the rules that listen to them, and when the scheduled ones fire next.

import { listRules, listSchedules, listTriggers } from "../api/calls";
import type { Rule, Schedule, Trigger } from "../api/types";
import { ago, count, moment } from "../format";
import { functionHref } from "../router";
import { Card, Command, ErrorNote, Loading, Safe } from "../ui/basics";
import { useLoad } from "../ui/load";

interface Everything {
    triggers: Trigger[];
    rules: Rule[];
    schedules: Schedule[];
}

async function readAll(): Promise<Everything> {
    const [triggers, rules, schedules] = await Promise.all([listTriggers(), listRules(), listSchedules()]);
    return { triggers, rules, schedules };
}

const EXAMPLE = `argofn trigger create every-hour --feed /whisk.system/alarms/interval --param minutes 60
argofn rule create hourly every-hour hello`;

export function Schedules() {
    const { value, error, reload } = useLoad(readAll, []);
    if (error) return <ErrorNote error={error} retry={reload} />;
    return (
        <Card title="Triggers and schedules" wide>
            {!value ? <Loading what="triggers" /> : value.triggers.length === 0 ? <None /> : <Table {...value} />}
        </Card>
    );
}

function None() {
    return (
        <>
            <p class="muted">
                No trigger yet. A trigger fires by a schedule or by an event; rules say which functions it calls:
            </p>
            <Command text={EXAMPLE} />
        </>
    );
}

function Table({ triggers, rules, schedules }: Everything) {
    return (
        <div class="table-scroll" tabIndex={0} role="region" aria-label="Triggers">
            <table>
                <thead>
                    <tr>
                        <th>Trigger</th>
                        <th>Calls</th>
                        <th>Schedule</th>
                        <th>Next</th>
                        <th class="number">Fired</th>
                    </tr>
                </thead>
                <tbody>
                    {triggers.map((trigger) => (
                        <Line
                            key={trigger.name}
                            trigger={trigger}
                            rules={rules.filter((rule) => rule.trigger.name === trigger.name)}
                            schedule={schedules.find((each) => bare(each.trigger) === trigger.name)}
                        />
                    ))}
                </tbody>
            </table>
        </div>
    );
}

function bare(name: string): string {
    return name.split("/").at(-1) ?? name;
}

function actionName(rule: Rule): string {
    const [, pkg] = rule.action.path.split("/");
    return pkg === undefined ? rule.action.name : `${pkg}/${rule.action.name}`;
}

function Line({ trigger, rules, schedule }: { trigger: Trigger; rules: Rule[]; schedule: Schedule | undefined }) {
    return (
        <tr>
            <td>
                <strong>
                    <Safe text={trigger.name} />
                </strong>
            </td>
            <td>
                {rules.length === 0 && <span class="muted">no rule</span>}
                {rules.map((rule) => (
                    <span key={rule.name} class="rule">
                        <a href={functionHref(actionName(rule))} title={`rule ${rule.name}`}>
                            <Safe text={actionName(rule)} />
                        </a>
                    </span>
                ))}
            </td>
            <td>
                {schedule ? (
                    <>
                        <code>{schedule.expression}</code> <span class="muted small">{schedule.timezone}</span>
                    </>
                ) : (
                    <span class="muted">on events</span>
                )}
            </td>
            <td>
                {schedule?.paused ? (
                    <span class="badge">paused</span>
                ) : schedule?.next ? (
                    <time dateTime={new Date(schedule.next).toISOString()} title={moment(schedule.next)}>
                        {ago(schedule.next)}
                    </time>
                ) : (
                    <span class="muted">–</span>
                )}
            </td>
            <td class="number">{schedule ? count(schedule.fired) : "–"}</td>
        </tr>
    );
}
