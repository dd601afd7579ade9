-- Assistants' records in a device's RAM: where each one stands, learned from the header words that were read.
local assistants = {}

local A = DECLARED.assistants
local WORD = 0x10000

local function id_of(header)
    return numbers.shift_right(header, 4)
end

local function name_of(assistant)
    return DECLARED.enums[A.names][assistant]
end

-- Calls ``visit(index, start, header)`` for each known header, until it returns something.
local function each(headers, visit)
    local start = A.memory
    for index, header in ipairs(headers) do
        local found = visit(index, start, header)
        if found ~= nil then
            return found
        end
        start = start + 1 + header % 0x10
    end
    return nil
end

-- What the RAM variable of this id holds, nil where no known record has it.
function assistants.place(headers, variable)
    return each(headers, function(_, start, header)
        if start <= variable and variable <= start + header % 0x10 then
            return { header = header, index = variable - start }
        end
        return nil
    end)
end

function assistants.word(place)
    return (A.words[id_of(place.header)] or {})[place.index]
end

function assistants.label(place)
    local assistant = id_of(place.header)
    local name = name_of(assistant)
    if place.index == 0 then
        if place.header == 0 then
            return "End of assistant records"
        end
        return name and "Assistant record: " .. name or "Assistant record"
    end
    local word = assistants.word(place)
    local known = word and ": " .. word.label or ""
    return string.format("%s, word %d%s", name or string.format("Assistant 0x%03x", assistant), place.index, known)
end

function assistants.header_text(place)
    if place.header == 0 then
        return "0 (no more records)"
    end
    local assistant, count = id_of(place.header), place.header % 0x10
    local name = name_of(assistant) or string.format("assistant 0x%03x", assistant)
    local follow = count == 1 and "1 id follows" or string.format("%d ids follow", count)
    return string.format("%d (%s, %s)", place.header, name, follow)
end

local function copy(headers, count)
    local found = {}
    for index = 1, count do
        found[index] = headers[index]
    end
    return found
end

local function next_start(headers)
    local start = A.memory
    for _, header in ipairs(headers) do
        start = start + 1 + header % 0x10
    end
    local last = headers[#headers]
    return not (last and id_of(last) == 0) and start or nil
end

local function with(headers, variable, raw)
    local changed = each(headers, function(index, start, header)
        if start ~= variable then
            return nil
        end
        if header == raw then
            return headers
        end
        local found = copy(headers, index - 1)
        found[index] = raw
        return found
    end)
    if changed then
        return changed
    end
    if variable ~= next_start(headers) then
        return headers
    end
    local found = copy(headers, #headers)
    found[#found + 1] = raw
    return found
end

-- The headers and what values of RAM variables (pairs of id and raw word, sorted) tell of them.
function assistants.learned(headers, pairs_of)
    for _, pair in ipairs(pairs_of) do
        headers = with(headers, pair[1], pair[2] % WORD)
    end
    return headers
end

-- Whether these are the earlier records, perhaps with more behind them.
function assistants.continues(headers, earlier)
    for index, header in ipairs(earlier) do
        if headers[index] ~= header then
            return false
        end
    end
    return true
end

return assistants
