-- The face to Wireshark: protocols, fields, expert infos, columns, trees.
local FIELDS, PROTOCOLS, EXPERTS = {}, {}, {}
local of_interface = Field.new("frame.interface_name")

for _, entry in ipairs(DECLARED.protocols) do
    PROTOCOLS[entry.name] = Proto(entry.name, entry.title)
end

local MAKERS = {
    FT_BYTES = function(entry)
        return ProtoField.bytes(entry.abbrev, entry.label, base.SPACE, entry.blurb)
    end,
    FT_STRING = function(entry)
        return ProtoField.string(entry.abbrev, entry.label, base.UNICODE, entry.blurb)
    end,
    FT_DOUBLE = function(entry)
        return ProtoField.double(entry.abbrev, entry.label, entry.blurb)
    end,
    FT_FRAMENUM = function(entry)
        local kind = entry.abbrev == DECLARED.generated.response_in.abbrev and frametype.RESPONSE or frametype.REQUEST
        return ProtoField.framenum(entry.abbrev, entry.label, base.NONE, kind, 0, entry.blurb)
    end,
    FT_BOOLEAN = function(entry)
        return ProtoField.bool(entry.abbrev, entry.label, entry.width, nil, entry.mask, entry.blurb)
    end,
}
for _, kind in ipairs({ "uint8", "uint16", "uint24", "uint32", "int8", "int16", "int32" }) do
    MAKERS["FT_" .. kind:upper()] = function(entry)
        local names = entry.enum and DECLARED.enums[entry.enum] or nil
        local form = entry.hex and base.HEX or base.DEC
        return ProtoField[kind](entry.abbrev, entry.label, form, names, entry.mask, entry.blurb)
    end
end

local owned = {}
for _, entry in ipairs(DECLARED.fields) do
    FIELDS[entry.abbrev] = MAKERS[entry.kind](entry)
    owned[entry.owner] = owned[entry.owner] or {}
    table.insert(owned[entry.owner], FIELDS[entry.abbrev])
end
for name, fields in pairs(owned) do
    PROTOCOLS[name].fields = fields
end

local MAIN = PROTOCOLS[DECLARED.envelopes.rs485_header.abbrev]
local experts = {}
for group, group_number in pairs({
    checksum = expert.group.CHECKSUM,
    sequence = expert.group.SEQUENCE,
    response = expert.group.RESPONSE_CODE,
    undecoded = expert.group.UNDECODED,
    malformed = expert.group.MALFORMED,
    assumption = expert.group.ASSUMPTION,
}) do
    for severity, severity_number in pairs({
        chat = expert.severity.CHAT,
        note = expert.severity.NOTE,
        warn = expert.severity.WARN,
        error = expert.severity.ERROR,
    }) do
        local name = "vebus.expert." .. group .. "." .. severity
        local one = ProtoExpert.new(name, "VE.Bus: " .. group .. ", " .. severity, group_number, severity_number)
        EXPERTS[group .. " " .. severity] = one
        experts[#experts + 1] = one
    end
end
MAIN.experts = experts

-- trees ---------------------------------------------------------------------------------------------------------------

local function with_phrase(node)
    local phrase = node.value ~= nil and node.spec.phrase or nil
    if not phrase then
        return node.text
    end
    return node.text == "" and phrase or node.text .. " " .. phrase
end

local function bracket(...)
    local parts = {}
    for at = 1, select("#", ...) do
        local part = select(at, ...)
        if part and part ~= "" then
            parts[#parts + 1] = part
        end
    end
    return table.concat(parts, ", ")
end

local function line_of(node)
    if node.generated then
        return bracket(node.label .. ": " .. with_phrase(node), node.mark)
    end
    local line = (node.pattern and node.pattern .. " = " or "") .. node.label .. ": " .. node.text
    local phrase = node.value ~= nil and node.spec.phrase or nil
    if phrase then
        line = line .. " [" .. phrase .. "]"
    end
    if node.mark and node.mark ~= phrase then
        line = line .. " [" .. node.mark .. "]"
    end
    for _, beside in ipairs(node.beside) do
        line = line .. " [" .. bracket(with_phrase(beside), beside.mark) .. "]"
    end
    return line
end

local function range_of(node, tvb)
    return node.start and node.size > 0 and tvb(node.start, node.size) or nil
end

local function add_item(tree, field, range, value)
    if range then
        return tree:add(field, range, value)
    end
    return tree:add(field, value)
end

-- The item of one node; a value that is not available has no field, only its line.
local function add_value(tree, node, range)
    local field, value = FIELDS[node.abbrev], node.value
    if value == nil then
        return range and tree:add(range, "") or tree:add("")
    end
    if node.bytes then
        return range and tree:add(field, range) or tree:add("")
    end
    if type(value) == "string" then
        value = texts.printable(value) -- Wireshark would end it at a zero byte, and rewrite others
    elseif node.pattern and not node.spec.scale then
        value = node.around
    end
    return add_item(tree, field, range, value)
end

local function hide(item)
    item:set_generated()
    item:set_hidden()
end

local function add_hidden(tree, node, range)
    local raw_field = node.spec.scale and not node.counts and FIELDS[node.abbrev .. ".raw"]
    if raw_field and node.raw ~= nil then
        hide(add_item(tree, raw_field, range, node.pattern and node.around or node.raw))
    end
end

local function take_findings(node, pending)
    local abbrevs, taken = { [node.abbrev] = true }, {}
    for _, beside in ipairs(node.beside) do
        abbrevs[beside.abbrev] = true
    end
    for at = #pending, 1, -1 do
        if abbrevs[pending[at].abbrev] then
            table.insert(taken, 1, table.remove(pending, at))
        end
    end
    return taken
end

local function add_experts(item, findings)
    for _, finding in ipairs(findings) do
        item:add_proto_expert_info(EXPERTS[finding.group .. " " .. finding.severity], finding.text)
    end
end

local function add_nodes(tree, list, tvb, pending, place)
    for _, node in ipairs(list) do
        local range = range_of(node, tvb) or (node.pattern and place) or nil
        if node.value ~= nil or not node.hidden then
            local item = add_value(tree, node, range)
            item:set_text(texts.printable(line_of(node)))
            if node.generated then
                item:set_generated()
            end
            if node.hidden then
                hide(item)
            else
                add_experts(item, take_findings(node, pending))
            end
            add_nodes(item, node.children, tvb, pending, range)
        end
        add_hidden(tree, node, range)
        for _, beside in ipairs(node.beside) do
            if beside.value ~= nil then
                hide(add_item(tree, FIELDS[beside.abbrev], nil, beside.value))
            end
            add_hidden(tree, beside, nil)
        end
    end
end

local function known_abbrevs(shown)
    local found = {}
    for _, node in ipairs(shown.all_nodes) do
        found[node.abbrev] = true
    end
    return found
end

-- Blocks whose protocol has a name of its own are handed to it, so that it stands among the protocols of the frame.
local handing_over

local function take_over(proto, tvb, tree)
    if handing_over then
        handing_over(tvb, tree, proto)
    end
    return tvb:len()
end

for name, proto in pairs(PROTOCOLS) do
    if name ~= DECLARED.links.rs485.protocol and name ~= DECLARED.links.mk3.protocol then
        function proto.dissector(tvb, _, tree)
            return take_over(proto, tvb, tree)
        end
    end
end

local function add_block(block, tvb, pinfo, tree, pending, unplaced, owner)
    local function write(data, root, proto)
        local range = block.size > 0 and data(block.start, block.size) or data()
        local item = root:add(proto, range)
        item:set_text(texts.printable(block.title))
        add_nodes(item, block.nodes, data, pending, nil)
        add_experts(item, unplaced)
    end
    local proto = PROTOCOLS[block.protocol]
    if not proto or block.protocol == owner then
        write(tvb, tree, PROTOCOLS[owner])
        return
    end
    handing_over = write
    Dissector.get(block.protocol):call(tvb, pinfo, tree)
    handing_over = nil
end

local function add_record(shown, tvb, pinfo, tree, owner)
    local known, pending, unplaced = known_abbrevs(shown), {}, {}
    for _, finding in ipairs(shown.findings) do
        table.insert(known[finding.abbrev] and pending or unplaced, finding)
    end
    for at, block in ipairs(shown.blocks) do
        add_block(block, tvb, pinfo, tree, pending, at == 1 and unplaced or {}, owner)
    end
end

-- packets -------------------------------------------------------------------------------------------------------------

local DIRECTIONS = { [0] = "to", [1] = "from" } -- sent and received, in Wireshark's numbers

local function heard_in(pinfo)
    local interface = of_interface()
    return {
        number = pinfo.number,
        at = pinfo.abs_ts,
        interface = interface and interface.value or "",
        direction = DIRECTIONS[pinfo.p2p_dir],
    }
end

-- What the places of fields count in: the packet, the part that holds the frame, or the unstuffed frame.
local function data_of(record, piece, tvb)
    if record.frame and record.frame.unstuffed ~= piece.data then
        return ByteArray.new(texts.hex(record.frame.unstuffed, "")):tvb("Unstuffed VE.Bus")
    end
    return #piece.data == tvb:len() and tvb or tvb(piece.start, #piece.data):tvb()
end

local function set_columns(pinfo, all_shown)
    local infos = {}
    for at, shown in ipairs(all_shown) do
        infos[at] = shown.info
    end
    pinfo.cols.protocol = all_shown[1].protocol
    pinfo.cols.src = all_shown[1].source
    pinfo.cols.dst = all_shown[1].destination
    pinfo.cols.info = table.concat(infos, " | ")
end

local function dissect(tvb, pinfo, tree, link, owner)
    local heard, all_shown = heard_in(pinfo), {}
    for at, piece in ipairs(framing[link](tvb:raw())) do
        heard.order = heard.number * 0x10000 + at
        local record = dissection.record(piece, link, heard)
        local shown = dissection.of(record, session.observe(record, pinfo.visited))
        all_shown[at] = shown
        add_record(shown, data_of(record, piece, tvb), pinfo, tree, owner)
    end
    if #all_shown > 0 then
        set_columns(pinfo, all_shown)
    end
end

for link, entry in pairs(DECLARED.links) do
    local proto = PROTOCOLS[entry.protocol]
    function proto.dissector(tvb, pinfo, tree)
        if handing_over then
            return take_over(proto, tvb, tree)
        end
        dissect(tvb, pinfo, tree, link, entry.protocol)
        return tvb:len()
    end
    DissectorTable.get("wtap_encap"):add(entry.encapsulation, proto)
end

function MAIN.init()
    session.reset()
end
