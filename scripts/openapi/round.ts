// A round of every operation of examples/heroes by a client whose types are generated from its /openapi.json.
import assert from "node:assert/strict";

import createClient from "openapi-fetch";

import type { components, paths } from "./heroes.js";

type Hero = components["schemas"]["Hero"];
type Where = components["schemas"]["HeroWhere"];

const base = process.argv[2];
assert(base !== undefined, "the address of a server that runs examples/heroes");
const client = createClient<paths>({ baseUrl: base });

function must<T>(answer: { data?: T; response: Response }, status: number): T {
  assert.equal(answer.response.status, status, answer.response.url);
  assert(answer.data !== undefined || status === 204);
  return answer.data as T;
}

const created = must(
  await client.POST("/heroes", { body: { name: "Deadpond", age: 30, secret_name: "Dive Wilson" } }),
  201,
);
assert(!Array.isArray(created));
const id = created.id;
assert(typeof id === "number");
assert(!("secret_name" in created));

const more = must(
  await client.POST("/heroes", {
    body: ["Rusty-Man", "Spider-Boy", "Tarantula"].map((name) => ({ name, secret_name: "unknown" })),
  }),
  201,
);
assert(Array.isArray(more) && more.length === 3);

const where: Where = { or: [{ name__startswith: "Rusty" }, { age__ge: 18, not: { age__in: [1, null] } }] };
const seen: Hero[] = [];
let cursor: string | undefined;
do {
  const page = must(
    await client.GET("/heroes", { params: { query: { where: JSON.stringify(where), sort: "-name", limit: 1, cursor } } }),
    200,
  );
  seen.push(...page.items);
  cursor = page.next ?? undefined;
} while (cursor !== undefined);
assert.deepEqual(seen.map((hero) => hero.name), ["Rusty-Man", "Deadpond"]);
assert.equal(must(await client.GET("/heroes", { params: { query: { limit: 0, total: true } } }), 200).total, 4);

const params = { path: { id } };
const got = await client.GET("/heroes/{id}", { params });
assert.equal(must(got, 200).name, "Deadpond");
const tag = got.response.headers.get("etag");
assert(tag !== null);

// What was got is sent back, without what nobody is shown.
const replaced = await client.PUT("/heroes/{id}", {
  params: { ...params, header: { "if-match": tag } },
  body: { ...must(got, 200), age: 31 },
});
assert.equal(must(replaced, 200).age, 31);
assert.equal(must(await client.PATCH("/heroes/{id}", { params, body: { age: null } }), 200).age, null);

const stale = await client.DELETE("/heroes/{id}", { params: { ...params, header: { "if-match": tag } } });
assert.equal(stale.response.status, 412);
const why: components["schemas"]["Detail"] | components["schemas"]["HTTPValidationError"] | undefined = stale.error;
assert(why !== undefined);
must(await client.DELETE("/heroes/{id}", { params }), 204);
assert.equal((await client.GET("/heroes/{id}", { params })).response.status, 404);
const wrong = await client.GET("/heroes", { params: { query: { limit: 1000 } } });
assert.equal(wrong.response.status, 422);

// What the types have to refuse.
// @ts-expect-error - there is no such operator
const unknown: Where = { name__like: "D" };
// @ts-expect-error - the name of a hero cannot be taken away
const nameless: components["schemas"]["HeroUpdate"] = { name: null };
// @ts-expect-error - a new hero needs its secret name
const incomplete: components["schemas"]["HeroCreate"] = { name: "Captain" };
void [unknown, nameless, incomplete];
console.log("every operation answered as its types say");
