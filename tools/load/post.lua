-- wrk script: posts one OPA request body over and over and prints one line of figures.
-- usage: wrk -t2 -c32 -d10s -s tools/load/post.lua URL -- INPUT.json   (the file is the bare input document)

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local input = file:read("*a")
  file:close()
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.body = '{"input":' .. input .. '}'
end

function done(summary, latency)
  local seconds = summary.duration / 1e6
  local errors = summary.errors
  io.write(string.format("%.0f req/s  p50 %.2f ms  p99 %.2f ms  max %.2f ms  non-2xx %d  socket errors %d\n",
    summary.requests / seconds,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
