"""What runs inside Redis: scripts, each of them one atomic step.

A channel has two keys: a hash with its epoch, its last offset and the size of its history, and the
stream that is its history. Both begin anew, with another epoch, when the server that finds them is
not the one that wrote them: after a restart, a failover or a restored snapshot the offsets in them
may have been given out already.
"""

from __future__ import annotations

import hashlib
from typing import Final


class Script:
    """A script by its source and its digest."""

    def __init__(self, source: str) -> None:
        self.source = source.encode()
        self.digest = hashlib.sha1(self.source, usedforsecurity=False).hexdigest().encode()


_PRELUDE: Final = """
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
-- another one whenever a replica becomes the master, so also when this server does so again
local lineage = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')

local function position(meta, stream, nonce)
  local known = redis.call('HMGET', meta, 'server', 'lineage', 'epoch', 'offset')
  if known[1] == server and known[2] == lineage and known[3] and known[4] then
    return known[3], known[4]
  end
  local epoch = server .. '-' .. nonce
  redis.call('DEL', meta, stream)
  redis.call('HSET', meta, 'server', server, 'lineage', lineage, 'epoch', epoch, 'offset', 0)
  return epoch, '0'
end
"""

PUBLISH: Final = Script(
    _PRELUDE
    + """
-- KEYS: hash, stream
-- ARGV: nonce, Pub/Sub channel, magic, body, life of the hash, then the history's size, bytes, age
local meta, stream, body = KEYS[1], KEYS[2], ARGV[4]
local epoch = position(meta, stream, ARGV[1])
local offset = redis.call('HINCRBY', meta, 'offset', 1)
redis.call('PEXPIRE', meta, ARGV[5])
local size, most, age = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
if size > 0 then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  -- the time of an event is the second half of its id
  redis.call('XADD', stream, string.format('%.0f-%.0f', offset, now), 'b', body)
  redis.call('PEXPIRE', stream, ARGV[8])
  local count = redis.call('XLEN', stream)
  local bytes = #body
  if count > 1 then
    bytes = redis.call('HINCRBY', meta, 'bytes', bytes)
  end
  local spare = math.min(16, math.floor(size / 8))
  while count > size + spare or bytes > most or (offset % 16 == 0 and count > 1) do
    local old = redis.call('XRANGE', stream, '-', '+', 'COUNT', 8)
    local gone = 0
    for _, entry in ipairs(old) do
      local born = tonumber(string.match(entry[1], '-(%d+)'))
      if count <= size and bytes <= most and born >= now - age then break end
      redis.call('XDEL', stream, entry[1])
      count, bytes, gone = count - 1, bytes - #entry[2][2], gone + 1
    end
    if gone < 8 then break end
  end
  redis.call('HSET', meta, 'bytes', bytes)
end
redis.call('PUBLISH', ARGV[2], ARGV[3] .. epoch .. ' ' .. string.format('%.0f', offset)
  .. '\\n' .. body)
return offset
"""
)
"""Give an event its place, keep it, and publish it."""

HISTORY: Final = Script(
    _PRELUDE
    + """
-- KEYS: hash, stream; ARGV: nonce, life of the hash, offset after which to read or '', age
local epoch, offset = position(KEYS[1], KEYS[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local answer = {epoch, offset}
if ARGV[3] ~= '' then
  local time = redis.call('TIME')
  local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[4])
  local first = string.format('%.0f', tonumber(ARGV[3]) + 1)
  for _, entry in ipairs(redis.call('XRANGE', KEYS[2], first, '+')) do
    local at, born = string.match(entry[1], '(%d+)-(%d+)')
    if tonumber(born) >= oldest then
      answer[#answer + 1] = at
      answer[#answer + 1] = entry[2][2]
    end
  end
end
return answer
"""
)
"""Read where a channel stands, and the events after an offset."""

CHECK: Final = Script(
    _PRELUDE
    + """
-- KEYS: hash and stream of each channel; ARGV: nonce, life of the hashes, control channel, token
local answer = {}
for i = 1, #KEYS, 2 do
  local epoch, offset = position(KEYS[i], KEYS[i + 1], ARGV[1])
  redis.call('PEXPIRE', KEYS[i], ARGV[2])
  answer[#answer + 1] = epoch
  answer[#answer + 1] = offset
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return answer
"""
)
"""Read where channels stand, then publish a token, behind all that was published before."""
