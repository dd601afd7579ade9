-- Bytes of one packet -> pieces: frames, and runs of skipped bytes with the reason.
local framing = {}
local C = DECLARED.constants

local function new_pieces()
    local pieces, skipped = {}, nil
    local self = {}

    function self.take()
        if skipped and #skipped.data > 0 then
            pieces[#pieces + 1] = skipped
        end
        skipped = nil
    end

    function self.skip(start, data, reason)
        if #data == 0 then
            return
        end
        if skipped and skipped.reason ~= reason then
            self.take()
        end
        skipped = skipped or { start = start, data = "", reason = reason }
        skipped.data = skipped.data .. data
        while #skipped.data >= C.max_skipped do
            local rest = skipped.data:sub(C.max_skipped + 1)
            local next_start = skipped.start + C.max_skipped
            skipped.data = skipped.data:sub(1, C.max_skipped)
            self.take()
            if #rest > 0 then
                skipped = { start = next_start, data = rest, reason = reason }
            else
                skipped = { start = next_start, data = "", reason = reason }
            end
        end
    end

    function self.frame(start, data, frame)
        self.take()
        pieces[#pieces + 1] = { start = start, data = data, frame = frame, reason = "" }
    end

    function self.all()
        self.take()
        return pieces
    end

    return self
end

-- RS485 ---------------------------------------------------------------------------------------------------------------

-- Plain bytes, number of escapes, places (from 0) of an escape byte that no rule explains.
local function unstuff(data)
    if not data:find(string.char(C.escape), 1, true) then
        return data, 0, {}
    end
    local plain, escapes, bad, at = {}, 0, {}, 1
    while at <= #data do
        local byte, following = data:byte(at), data:byte(at + 1) or -1
        if byte == C.escape and following >= C.escape - 0x80 and following < 0x80 then
            plain[#plain + 1] = string.char(following + 0x80)
            escapes = escapes + 1
            at = at + 2
        else
            if byte == C.escape then
                bad[#bad + 1] = at - 1
            end
            plain[#plain + 1] = string.char(byte)
            at = at + 1
        end
    end
    return table.concat(plain), escapes, bad
end

-- Over kind, number and stuffed payload; the marker of a sync frame is left out.
local function rs485_checksum(summed)
    local total = 0
    for at = 1, #summed do
        total = total + summed:byte(at)
    end
    if summed:byte(1) == C.kind_sync and summed:byte(3) == C.sync_marker then
        total = total - C.sync_marker
    end
    return (1 - total) % 0x100
end

local function dissect_rs485(wire)
    local tail = wire:sub(C.header_size + 1, -2)
    local body, value = tail:sub(1, -2), tail:byte(-1)
    if #tail > 2 and tail:byte(-2) == C.escape and value <= 5 then
        body, value = tail:sub(1, -3), C.escape + value
    end
    local plain, escapes, bad = unstuff(body)
    local expected = rs485_checksum(wire:sub(3, C.header_size) .. body)
    for index, at in ipairs(bad) do
        bad[index] = C.header_size + at
    end
    return {
        link = "rs485",
        wire = wire,
        unstuffed = wire:sub(1, C.header_size) .. plain .. string.char(value, C.end_byte),
        payload = plain,
        payload_start = C.header_size,
        sender = wire:byte(1) * 0x100 + wire:byte(2),
        kind = wire:byte(3),
        number = wire:byte(4),
        checksum = value,
        expected = expected,
        checksum_ok = value == expected,
        escapes = escapes,
        bad_escapes = bad,
    }
end

local function described(kind)
    return kind == C.kind_sync or kind == C.kind_data
end

local function known(sender)
    return DECLARED.enums.SenderId[sender] ~= nil
end

local function good_at(segment, at)
    local wire = segment:sub(at + 1)
    if #wire < C.min_frame or #wire > C.max_wire_frame or wire:byte(4) > C.last_number then
        return nil
    end
    local frame = dissect_rs485(wire)
    local believed = at == 0 or described(frame.kind) or known(frame.sender)
    return frame.checksum_ok and #frame.bad_escapes == 0 and believed and frame or nil
end

local function damaged_in(segment)
    for at = #segment - C.min_frame, 0, -1 do
        if #segment - at > C.max_wire_frame then
            break
        end
        if described(segment:byte(at + 3)) and segment:byte(at + 4) <= C.last_number then
            if at == 0 or known(segment:byte(at + 1) * 0x100 + segment:byte(at + 2)) then
                return at, dissect_rs485(segment:sub(at + 1))
            end
        end
    end
    return nil
end

local function special_frame(wire)
    if #wire ~= 5 or wire:byte(1) ~= 0 or wire:byte(2) ~= C.kind_special then
        return nil
    end
    local ok = wire:byte(3) + wire:byte(4) == C.last_number
    return { link = "rs485", special = true, wire = wire, unstuffed = wire, complement_ok = ok }
end

-- Frame that ends with this segment and where it begins (from 0): a good one, else a plausible damaged one.
local function find_frame(segment)
    local special = special_frame(segment:sub(-5))
    if special and (special.complement_ok or #segment == 5) then
        return #segment - 5, special
    end
    local last = 0
    for at = #segment - 1, 1, -1 do
        if C.reserved[segment:byte(at)] then
            last = at
            break
        end
    end
    local found = last >= 3 and good_at(segment, last - 3)
    if found then
        return last - 3, found
    end
    local at, frame = damaged_in(segment)
    if at then
        return at, frame
    end
    found = good_at(segment, 0)
    return 0, found and known(found.sender) and found or nil
end

function framing.rs485(data)
    local pieces, at, limit = new_pieces(), 1, 2 * C.max_wire_frame
    local pending, offset = "", 0

    local function skip(count, reason)
        pieces.skip(offset, pending:sub(1, count), reason)
        pending = pending:sub(count + 1)
        offset = offset + count
    end

    while at <= #data do
        local stop = data:find(string.char(C.end_byte), at, true)
        local room = limit - #pending
        if not stop or stop - at >= room then
            pending = pending .. data:sub(at, at + room - 1)
            at = at + room
            if #pending == limit then
                skip(C.max_wire_frame, "no end byte in " .. numbers.decimal(C.max_wire_frame) .. " bytes")
            end
        else
            pending = pending .. data:sub(at, stop)
            at = stop + 1
            local start, frame = find_frame(pending)
            if frame then
                skip(start, "in front of a frame")
                pieces.frame(offset, pending, frame)
                offset = offset + #pending
                pending = ""
            else
                skip(#pending, "no frame")
            end
        end
    end
    skip(#pending, "cut off: no end byte")
    return pieces.all()
end

-- MK2/MK3 -------------------------------------------------------------------------------------------------------------

local function plain_checksum(summed)
    local total = 0
    for at = 1, #summed do
        total = total + summed:byte(at)
    end
    return -total % 0x100
end

local function second_checksum(summed)
    local total = -plain_checksum(summed)
    for _, at in ipairs(C.swapped) do
        local byte = summed:byte(at + 1)
        if byte then
            total = total + math.floor(byte / 16) + byte * 16 % 0x100
        end
    end
    return -total % 0x100
end

-- Bytes of a frame that begins with this length byte; 0 when no frame can.
local function mk3_size(length)
    local payload, leds = length % C.led_flag, length >= C.led_flag and 2 or 0
    return payload >= C.min_payload + leds and payload <= C.max_payload and payload + 2 or 0
end

local function dissect_mk3(wire)
    local summed, checksum, has_leds = wire:sub(1, -2), wire:byte(-1), wire:byte(1) >= C.led_flag
    local plain = plain_checksum(summed)
    local second_rule = C.second_rule[wire:byte(2)] == true
    local expected = second_rule and second_checksum(summed) or plain
    return {
        link = "mk3",
        wire = wire,
        unstuffed = wire,
        payload = wire:sub(2, has_leds and -4 or -2),
        payload_start = 1,
        leds = has_leds and { wire:byte(-3), wire:byte(-2) } or nil,
        checksum = checksum,
        expected = expected,
        checksum_ok = checksum == expected,
        plain_instead = second_rule and checksum ~= expected and checksum == plain,
    }
end

local function has_checksum(frame)
    return frame.checksum_ok or frame.plain_instead
end

local function plausible(frame)
    local first = frame.payload:byte(1)
    return C.mk3_first[first] == true and (first ~= C.adapter_marker or C.letters[frame.payload:byte(2)] == true)
end

-- Frame of the right length at a place (from 1), or nil.
local function mk3_at(data, at)
    local size = data:byte(at) and mk3_size(data:byte(at)) or 0
    if size == 0 or at + size - 1 > #data then
        return nil
    end
    return dissect_mk3(data:sub(at, at + size - 1))
end

local function holds_frame(wire)
    for at = 2, #wire - C.min_payload - 1 do
        local frame = C.mk3_first[wire:byte(at + 1)] and mk3_at(wire, at)
        if frame and frame.checksum_ok and plausible(frame) then
            return true
        end
    end
    return false
end

local function is_proof(frame)
    return frame.payload:byte(1) ~= 0 and has_checksum(frame) and plausible(frame) and not holds_frame(frame.wire)
end

local function mk3_frame(data, at, in_step)
    local frame = mk3_at(data, at)
    if not frame or in_step and has_checksum(frame) then
        return frame
    end
    if holds_frame(frame.wire) then
        return nil
    end
    if in_step and plausible(frame) then
        local following = at + #frame.wire
        if following > #data then
            return frame
        end
        local after = mk3_at(data, following)
        return after and is_proof(after) and frame or nil
    end
    return has_checksum(frame) and C.mk3_first[frame.payload:byte(1)] and frame or nil
end

function framing.mk3(data)
    local pieces, at, in_step = new_pieces(), 1, true
    while at <= #data do
        local frame = mk3_frame(data, at, in_step)
        if frame then
            pieces.frame(at - 1, frame.wire, frame)
            in_step = true
            at = at + #frame.wire
        else
            local padding = data:byte(at) == C.padding
            pieces.skip(at - 1, data:sub(at, at), padding and "stray 0x55" or "no frame")
            in_step = padding and in_step
            at = at + 1
        end
    end
    return pieces.all()
end

return framing
