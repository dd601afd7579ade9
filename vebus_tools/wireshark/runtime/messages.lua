-- Payloads -> chains of messages: the declared one whose telling bytes, link and length fit.
local messages = {}

local index = {}
for _, declared in ipairs(DECLARED.messages) do
    local space = index[declared.space] or {}
    index[declared.space] = space
    for first = 0, 0xFF do
        if not declared.match[0] or declared.match[0][first] then
            space[first] = space[first] or {}
            table.insert(space[first], declared)
        end
    end
end

local function recognises(declared, payload, link)
    if not declared.links[link] or (declared.lengths and not declared.lengths[#payload]) then
        return false
    end
    for at, values in pairs(declared.match) do
        local byte = payload:byte(at + 1)
        if not byte or not values[byte] then
            return false
        end
    end
    return true
end

-- One number of an integer layout at a place (from 1).
local function number_at(data, at, size, spec)
    local value = 0
    for index_of = 0, size - 1 do
        local byte = data:byte(spec.big and at + index_of or at + size - 1 - index_of)
        value = value * 0x100 + byte
    end
    if spec.signed and value >= 2 ^ (8 * size - 1) then
        value = value - 2 ^ (8 * size)
    end
    return value
end

local function list_at(data, at, spec)
    local found = {}
    while at + spec.element - 1 <= #data do
        found[#found + 1] = number_at(data, at, spec.element, spec)
        at = at + spec.element
    end
    return found, #found * spec.element
end

-- The raw value of one field at a place (from 1) and how many bytes it has; nil where bytes are missing.
local function value_at(data, at, spec)
    local left = #data - at + 1
    if spec.shape == "list" then
        return list_at(data, at, spec)
    end
    local size = spec.size > 0 and spec.size or left
    if size > left then
        return nil, 0
    end
    if spec.shape == "integer" then
        return number_at(data, at, size, spec), size
    end
    return data:sub(at, at + size - 1), size
end

-- A message with its raw values, its spans (places from 0 in the message) and the bytes behind; nil where it misfits.
function messages.parse(declared, payload)
    local raws, spans, at, cut = {}, {}, 1, false
    for _, spec in ipairs(declared.fields) do
        local least = spec.size > 0 and spec.size or 1
        cut = cut or (spec.optional and #payload - at + 1 < least)
        if not (spec.optional and cut) then
            local raw, size = value_at(payload, at, spec)
            if raw == nil or (spec.constant and raw ~= spec.constant) then
                return nil
            end
            raws[spec.name] = raw
            spans[#spans + 1] = { spec = spec, raw = raw, start = at - 1, size = size }
            at = at + size
        end
    end
    return {
        declared = declared,
        payload = payload,
        raws = raws,
        spans = spans,
        rest = payload:sub(at),
        rest_start = at - 1,
    }
end

local function chain_into(chain, space, payload, link, start)
    if #payload == 0 then
        return chain
    end
    local found
    for _, declared in ipairs((index[space] or {})[payload:byte(1)] or {}) do
        found = recognises(declared, payload, link) and messages.parse(declared, payload) or nil
        if found then
            break
        end
    end
    found = found or messages.parse(DECLARED.fallbacks[space] or DECLARED.fallbacks.other, payload)
    if not found then
        return chain
    end
    found.start = start
    chain[#chain + 1] = found
    if found.declared.carries then
        return chain_into(chain, found.declared.carries, found.rest, link, start + found.rest_start)
    end
    return chain
end

-- Messages inside a frame; none for skipped bytes and for the five-byte frames.
function messages.chain(frame)
    if not frame or frame.special then
        return {}
    end
    local space = "payload"
    if frame.link == "rs485" then
        space = frame.kind == DECLARED.constants.kind_sync and "sync" or space
    elseif frame.payload:byte(1) == DECLARED.constants.adapter_marker then
        space = "adapter"
    end
    return chain_into({}, space, frame.payload, frame.link, frame.payload_start)
end

-- "to", "from" or "both", seen from the devices.
function messages.direction(chain)
    for at = #chain, 1, -1 do
        if chain[at].declared.direction ~= "both" then
            return chain[at].declared.direction
        end
    end
    return "both"
end

return messages
