-- The fields of one message -> nodes with values, texts and marks, as every dump prints them.
local nodes = {}

local function hex_of(spec, raw)
    local digits = math.max(spec.digits or 1, 1)
    if digits > 1 then
        return string.format("0x%0" .. numbers.decimal(digits) .. "x", raw % 2 ^ (4 * digits))
    end
    return string.format(raw < 0 and "0x-%x" or "0x%x", math.abs(raw))
end

local function with_unit(value, decimals, unit)
    local text = string.format("%." .. numbers.decimal(decimals) .. "f", value)
    return unit ~= "" and text .. " " .. unit or text
end

local function unscaled(raw)
    if raw >= 0x8000 and raw < 0x10000 then
        return string.format("%d (signed: %d)", raw, raw - 0x10000)
    end
    return numbers.decimal(raw)
end

local function unit_of(spec, which, word)
    if spec.unit or word then
        return spec.unit or word.unit or ""
    end
    if which == nil or not spec.scale then
        return ""
    end
    local known = (spec.scale.kind == "setting" and DECLARED.settings or DECLARED.ram_variables)[which]
    return known and known.unit or ""
end

local function pattern_of(raw, part, width)
    local marks = {}
    for at = width - 1, 0, -1 do
        local inside = at >= part.shift and at < part.shift + part.width
        marks[#marks + 1] = inside and numbers.decimal(numbers.bits(raw, at, 1)) or "."
        if at % 4 == 0 and at > 0 then
            marks[#marks + 1] = " "
        end
    end
    return table.concat(marks)
end

-- Id of the RAM variable or setting that a field holds: the message says it, or its request did.
local function which_of(spec, raws, context)
    local scale = spec.scale
    if not scale or (scale.kind ~= "ram" and scale.kind ~= "setting") then
        return nil
    end
    local told, asked = scale.setting, context.setting_id
    if scale.kind == "ram" then
        told, asked = scale.variable, context.ram_ids and context.ram_ids[1]
    end
    if told == nil then
        return asked
    end
    return type(told) == "function" and told(raws) or told
end

-- What an assistant's record says of a RAM variable; of a header the number itself says it.
local function in_record(spec, raw, which, context)
    if not which or which < DECLARED.assistants.memory or not spec.scale or spec.scale.kind ~= "ram" then
        return nil
    end
    local place = assistants.place(context.assistants, which)
    if place and place.index == 0 then
        return { header = raw % 0x10000, index = 0 }
    end
    return place
end

local function text_and_value(spec, raw, raws, context, which, node)
    local value, assumed, reason = scales.physical(spec, raw, raws, context.book, which)
    if spec.enum then
        local name = DECLARED.enums[spec.enum][raw]
        local called = name or spec.unnamed or ""
        node.name, node.value = name or "", raw
        node.text = called ~= "" and called .. " (" .. hex_of(spec, raw) .. ")" or hex_of(spec, raw)
    elseif value == nil and reason == scales.NOT_KNOWN then
        node.value, node.text, node.mark = raw, unscaled(raw), scales.NOT_KNOWN
    elseif value == nil then
        node.text = reason .. " (" .. hex_of(spec, raw) .. ")"
    elseif spec.display == "hex" and not spec.scale then
        node.value, node.text = value, hex_of(spec, raw)
    else
        node.value = value
        node.text = with_unit(value, scales.decimals(spec, raws, context.book, which), node.unit)
        node.mark = node.mark or (assumed and DECLARED.constants.assumed_mark or nil)
    end
end

local scaled

local function add_bits(node, spec, raw, raws, context)
    for _, part in ipairs(spec.bits or {}) do
        local value = numbers.bits(raw, part.shift, part.width)
        local place = { start = node.start, size = node.size }
        local child = scaled(part, value, raws, context, nil, place)
        child.pattern = pattern_of(raw, part, spec.bits_wide or 8)
        child.around = raw
        if part.width == 1 and not part.enum then
            child.value = value == 1
            child.text = value == 1 and "True" or "False"
        end
        node.children[#node.children + 1] = child
    end
end

-- Node of a header, or of a word whose meaning and scale are those of its assistant.
local function of_record(spec, raw, at, context, place)
    local bare, word = raw % 0x10000, assistants.word(at)
    if not word then
        return {
            spec = spec,
            abbrev = spec.abbrev,
            label = place.label,
            text = assistants.header_text(at),
            value = bare,
            raw = bare,
            unit = "",
            start = place.start,
            size = place.size or 0,
            beside = place.beside or {},
            children = {},
        }
    end
    local number = word.signed and bare >= 0x8000 and bare - 0x10000 or bare
    local node = scaled(word, number, {}, context, nil, place)
    node.abbrev, node.raw = spec.abbrev, raw
    if word.scale then
        node.mark = DECLARED.constants.assumed_mark
    end
    add_bits(node, word, bare, {}, context)
    node.spec = spec
    return node
end

-- Node of one number; ``place`` says where it stands.
function scaled(spec, raw, raws, context, which, place)
    local at = in_record(spec, raw, which, context)
    local word = at and assistants.word(at) or nil
    if at then
        place.label = string.format("RAM[%d] %s", which, assistants.label(at))
        if at.index == 0 or (word and not scales.is_announced(which, context.book)) then
            return of_record(spec, raw, at, context, place)
        end
    end
    local node = {
        spec = spec,
        abbrev = spec.abbrev,
        label = place.label or spec.label,
        raw = raw,
        unit = unit_of(spec, which, word),
        mark = spec.mark,
        start = place.start,
        size = place.size or 0,
        generated = place.generated,
        beside = place.beside or {},
        children = {},
    }
    text_and_value(spec, raw, raws, context, which, node)
    return node
end

local function list_item(spec, at, raw, raws, context, place)
    local asked = context.ram_ids or {}
    if not spec.scale or spec.scale.kind ~= "ram" then
        place.label = spec.label .. " " .. numbers.decimal(at)
        return scaled(spec, raw, raws, context, nil, place)
    end
    local which = asked[at]
    if which == nil then
        place.label = "Value " .. numbers.decimal(at)
        return scaled(spec, raw, raws, context, nil, place)
    end
    local known = DECLARED.ram_variables[which]
    place.label = "RAM[" .. numbers.decimal(which) .. "]" .. (known and " " .. known.label or "")
    return scaled(spec, raw, raws, context, which, place)
end

local function list_node(span, raws, context, base, beside)
    local spec, shown = span.spec, {}
    local node = {
        spec = spec,
        abbrev = spec.abbrev .. ".list",
        label = spec.label,
        value = #span.raw,
        unit = "",
        start = base + span.start,
        size = span.size,
        beside = beside,
        children = {},
        counts = true,
    }
    for at, raw in ipairs(span.raw) do
        local place = { start = node.start + (at - 1) * spec.element, size = spec.element }
        node.children[at] = list_item(spec, at, raw, raws, context, place)
        shown[at] = node.children[at].text
    end
    node.text = #shown > 0 and table.concat(shown, ", ") or "none"
    return node
end

local function plain_node(span, base, beside)
    local spec, is_text = span.spec, span.spec.shape == "text"
    local value = span.raw
    if is_text then
        value = value:gsub("[\128-\255]", function(char)
            return string.format("\\x%02x", char:byte())
        end)
    end
    return {
        spec = spec,
        abbrev = spec.abbrev,
        label = spec.label,
        value = value,
        text = is_text and value or (#value > 0 and texts.hex(value) or "none"),
        bytes = not is_text,
        unit = "",
        mark = spec.mark,
        start = base + span.start,
        size = span.size,
        beside = beside,
        children = {},
    }
end

local function field_node(span, raws, context, base, beside)
    if span.spec.shape == "list" then
        return list_node(span, raws, context, base, beside)
    end
    if span.spec.shape ~= "integer" then
        return plain_node(span, base, beside)
    end
    local place = { start = base + span.start, size = span.size, beside = beside }
    local node = scaled(span.spec, span.raw, raws, context, which_of(span.spec, raws, context), place)
    add_bits(node, span.spec, span.raw, raws, context)
    return node
end

local function computed_nodes(message, context)
    local beside, behind = {}, {}
    for _, spec in ipairs(message.declared.computed) do
        local raw = spec.expression(message.raws)
        local node = raw and scaled(spec, raw, message.raws, context, which_of(spec, message.raws, context), { generated = true })
        if node and (node.value ~= nil or not spec.valid) then
            local list = behind
            if spec.beside then
                beside[spec.beside] = beside[spec.beside] or {}
                list = beside[spec.beside]
            end
            list[#list + 1] = node
        end
    end
    return beside, behind
end

-- Nodes in wire order, computed ones behind the fields, then what is left over.
function nodes.of(message, context, with_rest)
    local found, base = {}, message.start or 0
    local beside, behind = computed_nodes(message, context)
    for _, span in ipairs(message.spans) do
        found[#found + 1] = field_node(span, message.raws, context, base, beside[span.spec.name] or {})
    end
    for _, node in ipairs(behind) do
        found[#found + 1] = node
    end
    if with_rest and #message.rest > 0 and not message.declared.carries then
        found[#found + 1] = {
            spec = DECLARED.generated.unknown,
            abbrev = DECLARED.generated.unknown.abbrev,
            label = message.declared.rest_label,
            text = texts.hex(message.rest),
            value = message.rest,
            bytes = true,
            unit = "",
            mark = not message.declared.rest_known and DECLARED.constants.unknown_mark or nil,
            start = base + message.rest_start,
            size = #message.rest,
            beside = {},
            children = {},
        }
    end
    return found
end

-- A node without bytes.
function nodes.generated(spec, value, text, hidden)
    return {
        spec = spec,
        abbrev = spec.abbrev,
        label = spec.label,
        text = text or (type(value) == "number" and numbers.decimal(value)) or value,
        value = value,
        unit = spec.unit or "",
        size = 0,
        generated = true,
        hidden = hidden,
        beside = {},
        children = {},
    }
end

function nodes.milliseconds(spec, seconds)
    local value = tonumber(string.format("%.6f", seconds * 1000))
    return nodes.generated(spec, value, string.format("%.3f ms", value))
end

-- All nodes below a list of nodes, in printing order.
function nodes.walk(list, visit)
    for _, node in ipairs(list) do
        visit(node)
        nodes.walk(node.beside, visit)
        nodes.walk(node.children, visit)
    end
end

return nodes
