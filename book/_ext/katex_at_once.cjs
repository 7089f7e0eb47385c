// Read by Node.js before KaTeX's server: its answers are two small writes, the second of which would
// wait for the other side's acknowledgement of the first, 40 ms a formula.
const net = require("net");
const createServer = net.createServer;
net.createServer = (...given) => {
  const options = typeof given[0] === "object" ? given.shift() : {};
  return createServer({ noDelay: true, ...options }, ...given);
};
