// Finds the shortest journeys in a network.
const STOPS = 500;
const LINES = 4;

async function main({ wait_ms: wait = 0, seed = 1 }) {
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  let state = seed | 0;
  const lines = Array.from({ length: STOPS }, () => Array.from({ length: LINES }, () => {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    return (state >>> 8) % STOPS;
  }));
  const hops = new Array(STOPS).fill(-1);
  const next = [0];
  hops[0] = 0;
  for (let at = 0; at < next.length; at++) {
    for (const to of lines[next[at]]) {
      if (hops[to] < 0) {
        hops[to] = hops[next[at]] + 1;
        next.push(to);
      }
    }
  }
  return { reached: next.length, farthest: Math.max(...hops) };
}
