-- What the frames of a capture mean together: requests and replies, announced scales, gaps of frame numbers.
--
-- Frames are seen once in their order; what was found out for a frame is kept, because Wireshark shows frames again in
-- any order.
local session = {}

local REPLY_WINDOW_S = DECLARED.constants.reply_window_s
local FRAME_NUMBERS = DECLARED.constants.last_number + 1
local ports, contexts, responses, unanswered

function session.reset()
    ports, contexts, responses, unanswered = {}, {}, {}, {}
end

session.reset()

local function port_of(record)
    local key = record.link .. " " .. record.interface
    ports[key] = ports[key]
        or {
            pending = {},
            snapshot = {},
            learned = { ram = {}, setting = {} },
            assistants = {},
            first_assistants = {}, -- as long as no record changed
            told = {}, -- what was read of RAM variables, in the order of the capture
        }
    ports[key].nothing = ports[key].nothing or { port = ports[key], findings = {} }
    return ports[key]
end

-- The latest announcement up to this place of the capture, else (when all of it was read) the last one behind it.
local function book_for(port, order)
    return function(kind, id)
        local list, found = port.learned[kind][id] or {}, nil
        for _, entry in ipairs(list) do
            if entry.order > order then
                break
            end
            found = entry.rule
        end
        return found or (#list > 0 and list[#list].rule or nil)
    end
end

local function learn(port, pending, reply, order)
    local asked, tells = pending.message.declared.asks, reply.declared.tells
    if asked ~= "ram_info" and asked ~= "setting_info" or not tells then
        return
    end
    local scale, offset = reply.raws.scale or 0, reply.raws.offset or 0
    if tells == "scale" then
        pending.scale = scale
        if scale ~= 0 then
            return
        end
    elseif tells == "offset" then
        if (pending.scale or 0) == 0 then
            return
        end
        scale = pending.scale
    end
    if scale == 0 then
        offset = 0
    end
    local kind = asked == "ram_info" and "ram" or "setting"
    local list, id = port.learned[kind], pending.message.raws.id
    list[id] = list[id] or {}
    local rule = kind == "ram" and scales.ram_rule(scale, offset) or scales.setting_rule(scale, offset)
    table.insert(list[id], { order = order, rule = rule })
end

local function learn_assistants(port, asked, reply, order)
    if asked.declared.asks ~= "ram" or not reply.declared.tells_ram then
        return
    end
    local pairs_of = {}
    for at, raw in ipairs(reply.raws.values) do
        if asked.raws.ids[at] then
            pairs_of[#pairs_of + 1] = { asked.raws.ids[at], raw }
        end
    end
    table.sort(pairs_of, function(left, right)
        return left[1] < right[1] or (left[1] == right[1] and left[2] < right[2])
    end)
    local before = port.assistants
    port.assistants = assistants.learned(before, pairs_of)
    if assistants.continues(port.assistants, before) and assistants.continues(before, port.first_assistants) then
        port.first_assistants = port.assistants
    end
    table.insert(port.told, { order = order, pairs_of = pairs_of, headers = port.assistants })
end

-- Records as they stood at this place of the capture; when all of it was read, those that are only read later, too.
local function assistants_at(port, order, visited)
    if visited and port.told_twice ~= #port.told then
        local headers = port.first_assistants
        for _, entry in ipairs(port.told) do
            headers = assistants.learned(headers, entry.pairs_of)
            entry.second = headers
        end
        port.told_twice = #port.told
    end
    local found = visited and port.first_assistants or {}
    for _, entry in ipairs(port.told) do
        if entry.order > order then
            break
        end
        found = visited and entry.second or entry.headers
    end
    return found
end

local function exchange_of(record)
    local chain = record.chain
    if #chain == 0 then
        return nil
    end
    if #chain > 1 then
        local code = chain[2].raws.code or 0
        local channel = chain[1].declared.channels
        local key = channel and "channel " .. (channel[chain[1].raws.cmd] or "") or "tid " .. chain[1].raws.tid
        local known = DECLARED.winmon_codes[code]
        return { key = key, role = known.role, expects = known.expects, only_on_request = known.only_on_request }
    end
    local table_of = chain[1].declared.exchanges
    local found = table_of and table_of[record.direction]
    if found and found.by then
        found = found.by[chain[1].raws[found.field]]
    end
    return found
end

local function answers(reply, request)
    local expected = request.declared.replies
    return not expected or expected[reply.raws.code] == true
end

-- Why a record is not the reply to this request, or nil when it is.
local function misfit(record, role, pending)
    if not pending then
        return "No request with this ID in the capture"
    end
    local number = numbers.decimal(pending.number)
    if not answers(record.chain[#record.chain], pending.message) then
        return "Does not answer request " .. number .. ", which has the same ID"
    end
    local passed_s = record.at - pending.at
    if passed_s > REPLY_WINDOW_S then
        return string.format("Too late for request %s, which has the same ID: %.3f s", number, passed_s)
    end
    if pending.answered and role ~= "continuation" then
        return "Request " .. number .. ", which has the same ID, was answered before"
    end
    return nil
end

local function ram_ids(pending)
    local asks = pending.message.declared.asks
    if asks == "ram" then
        return pending.message.raws.ids
    end
    if asks == "ram_info" then
        return { pending.message.raws.id }
    end
    return asks == "snapshot" and pending.snapshot or {}
end

local function on_request(port, record, exchange)
    local before = port.pending[exchange.key]
    if before and not before.answered and before.expects then
        unanswered[before.number] = true
    end
    port.pending[exchange.key] = {
        number = record.number,
        at = record.at,
        message = record.chain[#record.chain],
        expects = exchange.expects,
        snapshot = port.snapshot,
    }
end

local function on_reply(port, record, pending, context)
    local asks = pending.message.declared.asks
    pending.answered = true
    responses[pending.number] = responses[pending.number] or record.number
    learn(port, pending, record.chain[#record.chain], record.order)
    learn_assistants(port, pending.message, record.chain[#record.chain], record.order)
    context.response_to = pending.number
    context.response_time_s = record.at - pending.at
    context.ram_ids = ram_ids(pending)
    if asks == "setting" or asks == "setting_info" then
        context.setting_id = pending.message.raws.id
    end
end

local function exchange(port, record, context)
    local found = exchange_of(record)
    if not found then
        return
    end
    local pending = port.pending[found.key]
    local why, role = misfit(record, found.role, pending), found.role
    if role == "either" then
        role = why and "request" or "reply"
        context.direction = why and "to" or "from"
    end
    if role == "request" then
        context.is_request = true
        on_request(port, record, found)
    elseif not why then
        on_reply(port, record, pending, context)
    elseif found.only_on_request then
        context.findings[#context.findings + 1] = { severity = "note", group = "response", text = why, abbrev = "" }
    end
end

local function gap(port, record, context)
    local frame, before = record.frame, port.last_number
    if frame.link ~= "rs485" or frame.special then
        return
    end
    port.last_number = frame.number
    if not before then
        return
    end
    local missing, text = (frame.number - before - 1) % FRAME_NUMBERS, nil
    if frame.number == before then
        text = string.format("Frame number %d repeated", frame.number)
    elseif missing > 0 then
        text = "Frame number gap: %d missing before %d, the last one was %d"
        text = string.format(text, missing, frame.number, before)
    end
    if text then
        local abbrev = DECLARED.envelopes.rs485_header.fields[3].abbrev
        context.findings[#context.findings + 1] = { severity = "warn", group = "sequence", text = text, abbrev = abbrev }
    end
end

local function sync(port, record, context)
    if record.frame.kind == DECLARED.constants.kind_sync then
        context.sync_interval_s = port.last_sync and record.at - port.last_sync or nil
        port.last_sync = record.at
    end
end

local function first_time(record, port)
    if not record.frame or not record.good then
        return port.nothing
    end
    local context = { port = port, findings = {} }
    local last = record.chain[#record.chain]
    gap(port, record, context)
    sync(port, record, context)
    exchange(port, record, context)
    if last and last.declared.freezes then
        port.snapshot = last.raws.ids
    end
    local count = #context.findings
    for _ in pairs(context) do
        count = count + 1
    end
    return count > 2 and context or port.nothing -- most frames have nothing of their own to keep
end

local function is_unanswered(port, number)
    if unanswered[number] then
        return true
    end
    for _, pending in pairs(port.pending) do
        if pending.number == number and pending.expects and not pending.answered then
            return true
        end
    end
    return false
end

-- What is known of a record when it is shown; ``visited`` says that all of the capture was read before.
function session.observe(record, visited)
    local port = port_of(record)
    if not contexts[record.order] then
        contexts[record.order] = first_time(record, port)
    end
    local kept = contexts[record.order]
    port = kept.port or port
    local context = {}
    for key, value in pairs(kept) do
        context[key] = value
    end
    context.book = book_for(port, record.order)
    context.assistants = assistants_at(port, record.order, visited)
    if visited and record.frame and record.good then
        context.response_in = kept.is_request and responses[record.number] or nil
        if is_unanswered(port, record.number) then
            local text = "No reply to this request in the capture"
            context.findings = {}
            for at, finding in ipairs(kept.findings) do
                context.findings[at] = finding
            end
            table.insert(context.findings, { severity = "warn", group = "response", text = text, abbrev = "" })
        end
    end
    return context
end

return session
