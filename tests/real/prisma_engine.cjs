// Stands in for Prisma's query engine, a native program that no package registry holds and LiteLLM's database layer asks:
// the same requests over HTTP, carried out by Prisma's own JavaScript client, which needs no native program.
//
// Covers what LiteLLM asks in the tests: reading and writing rows, aggregates, raw SQL, batches, transactions. LiteLLM
// itself is untouched. Needs NODE_PATH to hold @prisma/client (generated from LiteLLM's schema), @prisma/adapter-pg, pg,
// graphql.
"use strict";

const EXPECTED_VERSION = "393aa359c9ad4a4bb28630fb5613f9c281cde053"; // what prisma-client-py 0.15 checks for
if (process.argv.includes("--version")) {
  console.log(`query-engine ${EXPECTED_VERSION}`);
  process.exit(0);
}
// These two are meant for LiteLLM's side; here they would send Prisma's client to a native engine again.
delete process.env.PRISMA_QUERY_ENGINE_BINARY;
delete process.env.PRISMA_CLIENT_ENGINE_TYPE;

const http = require("node:http");
const { parse } = require("graphql");
const pg = require("pg");
const { PrismaPg } = require("@prisma/adapter-pg");
const { Prisma, PrismaClient } = require("@prisma/client");

const connectionString = process.env.DATABASE_URL;
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString, max: 10 }) });
const pool = new pg.Pool({ connectionString, max: 5 });
const models = new Map(
  Prisma.dmmf.datamodel.models.map((model) => [model.name, new Map(model.fields.map((field) => [field.name, field]))]),
);

// ---- requests: GraphQL text -> arguments of Prisma's client ----

function literal(node) {
  switch (node.kind) {
    case "IntValue": {
      const number = Number(node.value);
      return Number.isSafeInteger(number) ? number : BigInt(node.value);
    }
    case "FloatValue":
      return Number(node.value);
    case "NullValue":
      return null;
    case "ListValue":
      return node.values.map(literal);
    case "ObjectValue":
      return Object.fromEntries(node.fields.map((field) => [field.name.value, literal(field.value)]));
    default:
      return node.value; // texts, names, true and false
  }
}

const argumentsOf = (node) => Object.fromEntries((node.arguments ?? []).map((each) => [each.name.value, literal(each.value)]));

// JSON arrives as text inside the request's own text; filters of it are objects of such texts.
function jsonField(value) {
  if (value === null) return Prisma.DbNull;
  if (typeof value === "string") {
    const parsed = JSON.parse(value);
    return parsed === null ? Prisma.JsonNull : parsed;
  }
  if (Array.isArray(value)) return value.map(jsonField);
  if (typeof value !== "object") return value;
  const filters = Object.entries(value);
  return Object.fromEntries(filters.map(([name, each]) => [name, /^(path|string_)/.test(name) ? each : jsonField(each)]));
}

function typed(value, model) {
  if (Array.isArray(value)) return value.map((each) => typed(each, model));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      const field = model?.get(name);
      if (!field) return [name, typed(each, model)]; // where, data, AND and the like
      if (field.type === "Json") return [name, jsonField(each)];
      return [name, field.kind === "object" ? typed(each, models.get(field.type)) : each];
    }),
  );
}

function selection(node, model) {
  const chosen = {};
  for (const child of node.selectionSet?.selections ?? []) {
    const field = model?.get(child.name.value);
    if (field?.kind === "object") {
      const related = models.get(field.type);
      chosen[child.name.value] = { ...typed(argumentsOf(child), related), select: selection(child, related) };
    } else {
      chosen[child.name.value] = child.selectionSet ? selection(child, undefined) : true;
    }
  }
  return chosen;
}

// ---- answers: rows of Prisma's client -> JSON as the engine writes it ----

function plain(value, model) {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map((each) => plain(each, model));
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value === "bigint" || Prisma.Decimal.isDecimal(value)) return value.toString();
  if (typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      const field = model?.get(name);
      if (field?.type === "Json") return [name, each === null ? null : JSON.stringify(each)];
      return [name, plain(each, field?.kind === "object" ? models.get(field.type) : undefined)];
    }),
  );
}

// ---- raw SQL ----

// The engine's names for PostgreSQL's types, by their object ids; whatever is not here is told as text.
const TYPE_NAMES = new Map([
  [16, "bool"], [20, "bigint"], [21, "int"], [23, "int"], [700, "float"], [701, "double"], [1700, "decimal"],
  [114, "json"], [3802, "json"], [1114, "datetime"], [1184, "datetime"], [1082, "date"], [1083, "time"], [2950, "uuid"],
  [1007, "int-array"], [1016, "bigint-array"], [1009, "string-array"], [1015, "string-array"],
]);
for (const kept of [20, 1700, 1082, 1083]) pg.types.setTypeParser(kept, (text) => text);
pg.types.setTypeParser(1114, (text) => new Date(`${text.replace(" ", "T")}Z`));

const parameter = (value) => {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return "prisma__value" in value ? value.prisma__value : JSON.stringify(value);
};

async function rawSql({ query, parameters }, rowsWanted) {
  const values = JSON.parse(parameters ?? "[]").map(parameter);
  const found = await pool.query({ text: query, values, rowMode: "array" });
  if (!rowsWanted) return found.rowCount ?? 0;
  return {
    columns: found.fields.map((field) => field.name),
    types: found.fields.map((field) => TYPE_NAMES.get(field.dataTypeID) ?? "string"),
    rows: found.rows.map((row) => row.map((cell) => (cell instanceof Date ? cell.toISOString() : cell))),
  };
}

// ---- carrying out ----

const METHODS = { createOne: "create", updateOne: "update", upsertOne: "upsert", deleteOne: "delete" };
const OPERATION =
  /^(createOne|updateOne|upsertOne|deleteOne|createMany|updateMany|deleteMany|findMany|findFirst|findUnique|aggregate|groupBy)(.+?)(OrThrow)?$/;

async function carryOut(query, database) {
  const node = parse(query).definitions[0].selectionSet.selections[0];
  const given = argumentsOf(node);
  if (node.name.value === "queryRaw") return rawSql(given, true);
  if (node.name.value === "executeRaw") return rawSql(given, false);
  const [, operation, name, orThrow = ""] = OPERATION.exec(node.name.value);
  const model = models.get(name);
  const rows = database[name[0].toLowerCase() + name.slice(1)];
  const method = (METHODS[operation] ?? operation) + orThrow;
  const wanted = typed(given, model);
  if (/^(create|update|delete)Many$/.test(operation)) return rows[method](wanted);
  if (operation === "aggregate" || operation === "groupBy") {
    const parts = Object.entries(selection(node, undefined)).filter(([part]) => part.startsWith("_"));
    return plain(await rows[method]({ ...wanted, ...Object.fromEntries(parts) }), model);
  }
  return plain(await rows[method]({ ...wanted, select: selection(node, model) }), model);
}

async function carryOutAll(batch, database) {
  const answers = [];
  for (const each of batch) answers.push({ data: { result: await carryOut(each.query, database) } });
  return answers;
}

// A transaction of Prisma's client lasts as long as its callback; one of the engine until it is committed by its id.
const open = new Map();
function begin({ max_wait: maxWait = 2_000, timeout = 5_000 }) {
  return new Promise((resolve, reject) => {
    const id = crypto.randomUUID();
    const lasting = (database) =>
      new Promise((commit, abort) => {
        open.set(id, { database, commit, rollback: () => abort(new Error("rolled back")) });
        resolve({ id });
      });
    prisma
      .$transaction(lasting, { maxWait, timeout })
      .catch(reject)
      .finally(() => open.delete(id));
  });
}

async function answer(request, body) {
  if (request.url === "/status") return { status: "ok" };
  if (request.url.startsWith("/metrics")) return { counters: [], gauges: [], histograms: [] };
  if (request.url === "/transaction/start") return begin(JSON.parse(body || "{}"));
  const ending = /^\/transaction\/(.+)\/(commit|rollback)$/.exec(request.url);
  if (ending) {
    open.get(ending[1])?.[ending[2]]();
    return {};
  }
  const asked = JSON.parse(body);
  const inside = open.get(request.headers["x-transaction-id"])?.database;
  if (!asked.batch) return { data: { result: await carryOut(asked.query, inside ?? prisma) } };
  if (!asked.transaction || inside) return { batchResult: await carryOutAll(asked.batch, inside ?? prisma) };
  return { batchResult: await prisma.$transaction((database) => carryOutAll(asked.batch, database)) };
}

function failure(error) {
  const message = String(error.message ?? error);
  const code = /^P\d+$/.test(error.code ?? "") ? error.code : "P2010";
  const facing = { is_panic: false, message, meta: error.meta ?? {}, error_code: code };
  return { errors: [{ error: message, user_facing_error: facing }] };
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", async () => {
    const result = await answer(request, Buffer.concat(chunks).toString()).catch((error) => {
      console.error("prisma_engine:", error.message);
      return failure(error);
    });
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(result, (_, value) => (typeof value === "bigint" ? value.toString() : value)));
  });
});
server.listen(Number(process.argv[process.argv.indexOf("-p") + 1]), "localhost");
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
