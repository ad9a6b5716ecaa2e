#!/usr/bin/env node
// Serves npm's stripe-stateful-mock on a free port of loopback, until standard input ends. Argument: the package's folder.
// Its own starter listens on all addresses, and on a port that has to be known before. This one prints its base URL.
"use strict";

// The package logs each refusal, as it should: the tests are full of them.
console.error = console.warn = () => {};

const mock = require(require("path").resolve(process.argv[2]));
const server = require("http").createServer(mock.createExpressApp());
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.on("end", () => process.exit()).resume();
