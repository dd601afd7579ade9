-- A record and what the session knows of it -> blocks of nodes, and the texts of the columns.
local dissection = {}

local G, E = DECLARED.generated, DECLARED.envelopes

local function finding(severity, group, text, abbrev)
    return { severity = severity, group = group, text = text, abbrev = abbrev or "" }
end

local function is_rs485(frame)
    return frame and frame.link == "rs485" and not frame.special
end

local function described(kind)
    return kind == DECLARED.constants.kind_sync or kind == DECLARED.constants.kind_data
end

local function unescaped(frame, found)
    local severity = frame.kind == DECLARED.constants.kind_sync and "warn" or "error"
    for at = DECLARED.constants.header_size + 1, #frame.wire - 1 do
        local byte = frame.wire:byte(at)
        if byte > DECLARED.constants.escape then
            local text = string.format("Byte 0x%02x at wire byte %d is not escaped", byte, at - 1)
            found[#found + 1] = finding(severity, "malformed", text, G.stuffed.abbrev)
        end
    end
end

local function envelope_findings(frame, found)
    local checksum = (frame.link == "rs485" and E.rs485_trailer or E.mk3_trailer).fields[1].abbrev
    if frame.special then
        if not frame.complement_ok then
            local value, complement = frame.wire:byte(3), frame.wire:byte(4)
            local should, last = "a value above 0x7f has none", DECLARED.constants.last_number
            if value <= last then
                should = string.format("should be 0x%02x", last - value)
            end
            local text = string.format("Complement 0x%02x incorrect, %s", complement, should)
            found[#found + 1] = finding("error", "checksum", text, E.special.fields[4].abbrev)
        end
        return
    end
    for _, at in ipairs(frame.bad_escapes or {}) do
        local text = string.format("Escape byte FA at wire byte %d is not followed by 7A..7F", at)
        found[#found + 1] = finding("error", "malformed", text, G.stuffed.abbrev)
    end
    if is_rs485(frame) then
        unescaped(frame, found)
    end
    if is_rs485(frame) and not described(frame.kind) then
        local text = string.format("Frame of unknown kind 0x%02x", frame.kind)
        found[#found + 1] = finding("note", "undecoded", text, E.rs485_header.fields[2].abbrev)
    end
    if frame.plain_instead then
        found[#found + 1] = finding("warn", "checksum", "Plain checksum where the second rule applies", checksum)
    end
    if not frame.checksum_ok then
        found[#found + 1] = finding("error", "checksum", "Bad checksum", checksum)
    end
end

local function findings_of(record)
    local found, frame = {}, record.frame
    if not frame then
        local text = string.format("%d bytes skipped: %s", #record.wire, record.reason)
        return { finding("warn", "malformed", text, G.resync.abbrev) }
    end
    envelope_findings(frame, found)
    for _, message in ipairs(record.chain) do
        local declared = message.declared
        if #message.rest > 0 and not declared.carries and not declared.rest_known then
            local text = string.format("%d bytes undecoded", #message.rest)
            found[#found + 1] = finding("note", "undecoded", text, G.unknown.abbrev)
        end
        if declared.assumes then
            found[#found + 1] = finding("note", "assumption", declared.assumes)
        end
        for _, text in ipairs(rules.broken(declared, message.payload)) do
            found[#found + 1] = finding("warn", "malformed", text)
        end
    end
    return found
end

-- A piece of a packet -> a record; ``heard`` has number, order, time, interface and direction of the packet.
function dissection.record(piece, link, heard)
    local chain = messages.chain(piece.frame)
    local record = {
        number = heard.number,
        order = heard.order,
        at = heard.at,
        interface = heard.interface,
        link = link,
        wire = piece.data,
        frame = piece.frame,
        reason = piece.reason,
        chain = chain,
        direction = heard.direction or messages.direction(chain),
        good = true,
    }
    record.findings = findings_of(record)
    for _, found in ipairs(record.findings) do
        record.good = record.good and found.severity ~= "error"
    end
    return record
end

-- blocks --------------------------------------------------------------------------------------------------------------

local function sender_name(sender)
    return DECLARED.enums.SenderId[sender] or string.format("%04x", sender)
end

local function ends_of(record, context)
    local frame = record.frame
    if is_rs485(frame) then
        return sender_name(frame.sender), "Bus"
    end
    if frame and frame.link == "mk3" then
        local direction = context.direction or record.direction
        if direction == "to" then
            return "Host", "MK3"
        end
        return direction == "from" and "MK3" or "?", direction == "from" and "Host" or "?"
    end
    return "?", record.link == "rs485" and "Bus" or "?"
end

local function append(list, more)
    for _, item in ipairs(more) do
        list[#list + 1] = item
    end
end

local function envelope_nodes(declared, data, start, context)
    local message = messages.parse(declared, data)
    message.start = start
    return nodes.of(message, context, false)
end

local function generated_nodes(record, context)
    local found = {}
    local direction = context.direction or record.direction
    if direction ~= "both" and record.link == "mk3" then
        found[#found + 1] = nodes.generated(G.direction, direction == "to" and "out" or "in")
    end
    if context.sync_interval_s then
        found[#found + 1] = nodes.milliseconds(G.interval, context.sync_interval_s)
    end
    if context.response_in then
        found[#found + 1] = nodes.generated(G.response_in, context.response_in)
    end
    if context.response_to then
        found[#found + 1] = nodes.generated(G.response_to, context.response_to)
        found[#found + 1] = nodes.milliseconds(G.response_time, context.response_time_s)
    end
    return found
end

local function checksum_nodes(node, frame, status, expected)
    local text = string.format("0x%02x", frame.checksum)
    local good = frame.checksum_ok
    node.text = good and text .. " [correct]" or string.format("%s incorrect, should be 0x%02x", text, frame.expected)
    local found = { node, nodes.generated(status, good and "Good" or "Bad") }
    if not good then
        found[3] = nodes.generated(expected, frame.expected, nil, true)
    end
    return found
end

local function rs485_block(record, context, source)
    local frame, size = record.frame, #record.frame.unstuffed
    local found = envelope_nodes(E.rs485_header, frame.unstuffed:sub(1, DECLARED.constants.header_size), 0, context)
    found[1].text = string.format("%s (0x%04x)", source, frame.sender)
    found[1].name = source
    found[1].children = { nodes.generated(G.src, source, nil, true) }
    found[#found + 1] = nodes.generated(G.len, size, nil, true)
    local inline = {}
    for _, message in ipairs(record.chain) do
        if message.declared.inline then
            append(inline, nodes.of(message, context, true))
        end
    end
    append(found, #inline > 0 and inline or { nodes.generated(G.stuffed, frame.escapes) })
    append(found, generated_nodes(record, context))
    local tail = envelope_nodes(E.rs485_trailer, frame.unstuffed:sub(-2), size - 2, context)
    append(found, checksum_nodes(tail[1], frame, G.status, G.expected))
    found[#found + 1] = tail[2]
    local kind = DECLARED.enums.FrameKind[frame.kind] or string.format("kind 0x%02x", frame.kind)
    local title = "%s, %s, Src: %s (0x%04x), Nr: %d"
    title = string.format(title, E.rs485_header.title, kind, source, frame.sender, frame.number)
    return { protocol = E.rs485_header.abbrev, title = title, start = 0, size = size, nodes = found }
end

local function mk3_block(record, context, source, destination)
    local frame, size = record.frame, #record.frame.wire
    local found = envelope_nodes(E.mk3_header, frame.wire:sub(1, 1), 0, context)
    if frame.leds then
        append(found, envelope_nodes(E.mk3_leds, frame.wire:sub(-3, -2), size - 3, context))
    end
    found[#found + 1] = nodes.generated(G.mk3_src, source, nil, true)
    found[#found + 1] = nodes.generated(G.mk3_dst, destination, nil, true)
    append(found, generated_nodes(record, context))
    local tail = envelope_nodes(E.mk3_trailer, frame.wire:sub(-1), size - 1, context)
    append(found, checksum_nodes(tail[1], frame, G.mk3_status, G.mk3_expected))
    local title = string.format("%s, %s to %s, Length: %d", E.mk3_header.title, source, destination, #frame.payload)
    return { protocol = E.mk3_header.abbrev, title = title, start = 0, size = size, nodes = found }
end

local function special_block(record, context)
    local message = messages.parse(E.special, record.wire)
    message.start = 0
    record.chain = { message }
    local found = nodes.of(message, context, true)
    return { protocol = E.rs485_header.abbrev, title = E.special.title, start = 0, size = #record.wire, nodes = found }
end

local function skipped_block(record)
    local size = #record.wire
    local node = nodes.generated(G.resync, size, string.format("%d (%s)", size, record.reason))
    node.start, node.size = 0, size
    local protocol = record.link == "rs485" and E.rs485_header.abbrev or E.mk3_header.abbrev
    local title = string.format("Skipped bytes: %d", size)
    return { protocol = protocol, title = title, start = 0, size = size, nodes = { node } }
end

local function message_title(shown, found)
    local parts = {}
    if #shown > 1 or shown[1].declared.carries then
        parts[1] = DECLARED.constants.carrier_title
    end
    parts[#parts + 1] = shown[#shown].declared.title
    nodes.walk(found, function(node)
        if node.abbrev == DECLARED.constants.tid_abbrev then
            parts[#parts + 1] = "Tid: " .. node.text
        end
    end)
    return table.concat(parts, ", ")
end

local function message_block(record, context)
    local shown, found = {}, {}
    for _, message in ipairs(record.chain) do
        if not message.declared.inline then
            shown[#shown + 1] = message
        end
    end
    if #shown == 0 then
        return nil
    end
    for at, message in ipairs(shown) do
        append(found, nodes.of(message, context, at == #shown))
    end
    local start, stop = shown[1].start, nil
    for _, node in ipairs(found) do
        local past = (node.start or 0) + node.size
        stop = math.max(stop or past, past)
    end
    local carried = #shown > 1 or shown[1].declared.carries
    local protocol = carried and DECLARED.constants.carrier_protocol or shown[#shown].declared.abbrev
    local title = message_title(shown, found)
    return { protocol = protocol, title = title, start = start, size = (stop or start) - start, nodes = found }
end

local function blocks_of(record, context, source, destination)
    local frame = record.frame
    if not frame then
        return { skipped_block(record) }
    end
    if frame.special then
        return { special_block(record, context) }
    end
    if frame.link == "rs485" then
        return { rs485_block(record, context, source), message_block(record, context) }
    end
    return { mk3_block(record, context, source, destination), message_block(record, context) }
end

-- the Info column -----------------------------------------------------------------------------------------------------

local function title_of(record)
    local frame, last = record.frame, record.chain[#record.chain]
    if frame.special then
        return E.special.title
    end
    if is_rs485(frame) and not described(frame.kind) then
        return string.format("Unknown kind 0x%02x", frame.kind)
    end
    if not last then
        return "Empty"
    end
    local title, first = last.declared.title, last.declared.fields[1]
    if title:sub(1, 7) == "Unknown" and first and not title:find("%d") then
        return string.format("%s 0x%02x", title, last.raws[first.name])
    end
    return title
end

local function shown_symbol(node, message)
    local symbol = node.spec.symbol
    if symbol == "RAM" and node.label:sub(1, 4) == "RAM[" then
        return node.label:match("^[^ ]*")
    end
    return (symbol:gsub("{([%w_]+)}", function(name)
        return numbers.decimal(message.raws[name])
    end))
end

local function summary_part(node, message)
    if node.spec.summary_text then
        return node.value and node.value ~= 0 and node.spec.summary_text or nil
    end
    local text = node.text
    for _, extra in ipairs(node.beside) do
        if extra.value ~= nil and extra.unit ~= "" then
            text = text .. " (" .. extra.text .. ")"
        end
    end
    return node.spec.symbol and shown_symbol(node, message) .. "=" .. text or text
end

local function summary(record, all_nodes)
    local parts, marks, told = {}, {}, {}
    for _, message in ipairs(record.chain) do
        local by_name = {}
        for _, node in ipairs(all_nodes) do
            local name = not node.counts and message.declared.names[node.abbrev]
            if name then
                by_name[name] = by_name[name] or {}
                table.insert(by_name[name], node)
            end
        end
        for _, name in ipairs(message.declared.summary) do
            for _, node in ipairs(by_name[name] or {}) do
                local part = summary_part(node, message)
                if part and part ~= "" then
                    parts[#parts + 1] = part
                    if node.mark and node.mark ~= DECLARED.constants.unknown_mark and not told[node.mark] then
                        told[node.mark] = true
                        marks[#marks + 1] = node.mark
                    end
                end
            end
        end
    end
    return parts, marks
end

local function links(context)
    local found = {}
    if context.response_in then
        found[1] = string.format("Response in: %d", context.response_in)
    end
    if context.response_to then
        local text = "Request in: %d, %.3f ms"
        found[#found + 1] = string.format(text, context.response_to, context.response_time_s * 1000)
    end
    return found
end

-- Text of the Info column without the damage, and the remarks in square brackets behind it.
local function info_of(record, context, all_nodes)
    local frame = record.frame
    if not frame then
        return string.format("[%d bytes skipped]", #record.wire), { record.reason }
    end
    local parts = { title_of(record) }
    if is_rs485(frame) then
        parts[2] = string.format("Nr=%d", frame.number)
    end
    if not frame.special and not frame.checksum_ok then
        local text = "Checksum 0x%02x incorrect, should be 0x%02x"
        return table.concat(parts, ", "), { string.format(text, frame.checksum, frame.expected) }
    end
    local shown, marks = summary(record, all_nodes)
    append(parts, shown)
    for _, found in ipairs(record.findings) do
        if found.group == "undecoded" and found.abbrev == G.unknown.abbrev then
            parts[#parts + 1] = string.format("%d bytes undecoded", #record.chain[#record.chain].rest)
            break
        end
    end
    local remarks = links(context)
    append(remarks, marks)
    return table.concat(parts, ", "), remarks
end

local function short_finding(found, all_nodes)
    if found.group == "checksum" then
        for _, node in ipairs(all_nodes) do
            if node.abbrev == found.abbrev and texts.contains(node.text, "incorrect") then
                return node.label .. " " .. node.text
            end
        end
    end
    return found.text
end

local function is_told(text, remarks)
    for _, remark in ipairs(remarks) do
        if remark ~= "" and (texts.contains(remark, text) or texts.contains(text, remark)) then
            return true
        end
    end
    return false
end

local function info_column(record, context, findings, all_nodes)
    local info, remarks = info_of(record, context, all_nodes)
    for _, remark in ipairs(remarks) do
        info = info .. " [" .. remark .. "]"
    end
    local parts = { texts.stripped(info) }
    for _, found in ipairs(findings) do
        local damaged = found.severity == "warn" or found.severity == "error"
        if damaged and (found.group == "checksum" or found.group == "malformed") then
            local text = short_finding(found, all_nodes)
            if not is_told(text, remarks) then
                remarks[#remarks + 1] = text
                parts[#parts + 1] = "[" .. text .. "]"
            end
        end
    end
    return texts.printable(table.concat(parts, " "))
end

-- Everything that is shown of a record.
function dissection.of(record, context)
    local source, destination = ends_of(record, context)
    local blocks, all_nodes = blocks_of(record, context, source, destination), {}
    for _, block in ipairs(blocks) do
        nodes.walk(block.nodes, function(node)
            all_nodes[#all_nodes + 1] = node
        end)
    end
    local findings = {}
    append(findings, record.findings)
    append(findings, context.findings)
    return {
        record = record,
        source = source,
        destination = destination,
        protocol = record.link == "rs485" and "VE.Bus" or "MK3",
        blocks = blocks,
        all_nodes = all_nodes,
        findings = findings,
        info = info_column(record, context, findings, all_nodes),
    }
end

return dissection
