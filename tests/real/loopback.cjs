// Preloaded into a Node program (`node --require loopback.cjs ...`): wherever it wants to listen, it listens on loopback.
"use strict";
const { Server } = require("node:net");
const listen = Server.prototype.listen;

Server.prototype.listen = function (where, ...rest) {
  const options = typeof where === "object" && where !== null ? where : { port: Number(where) };
  if (options.port === undefined) return listen.call(this, where, ...rest);
  const ready = rest.filter((one) => typeof one === "function");
  return listen.call(this, { ...options, host: "127.0.0.1" }, ...ready);
};
