-- Stands in for Wireshark, so that the dissector can be run by a plain Lua of any version.
--
--   lua wireshark_stub.lua vebus.lua < packets
--
-- A packet is a line: encapsulation, number, time, interface, direction (-1, 0 or 1), bytes in hex.  Printed are the
-- items of its tree: packet, depth, hidden, name, text, and the columns behind the last of them.  Numbers that a field
-- of Wireshark would not take are errors.
local fields, tables, extractors = {}, {}, {}

local function nothing() end

function set_plugin_info(info)
    assert(info.version and info.description)
end

base = { DEC = 1, HEX = 2, NONE = 3, SPACE = 4, UNICODE = 5 }
frametype = { REQUEST = 1, RESPONSE = 2 }
expert = {
    group = {
        CHECKSUM = "Checksum",
        SEQUENCE = "Sequence",
        RESPONSE_CODE = "Response",
        UNDECODED = "Undecoded",
        MALFORMED = "Malformed",
        ASSUMPTION = "Assumption",
    },
    severity = { CHAT = "Chat", NOTE = "Note", WARN = "Warning", ERROR = "Error" },
}

ProtoField = setmetatable({}, {
    __index = function(_, kind)
        return function(abbrev, label)
            assert(not fields[abbrev], abbrev)
            fields[abbrev] = { abbrev = abbrev, label = label, kind = kind }
            return fields[abbrev]
        end
    end,
})

ProtoExpert = {
    new = function(abbrev, _, group, severity)
        return { abbrev = abbrev, group = assert(group), severity = assert(severity) }
    end,
}

local protocols = {}

function Proto(name, title)
    assert(not protocols[name] and not protocols[title])
    protocols[name] = { name = name, title = title, is_protocol = true }
    return protocols[name]
end

Field = {
    new = function(name)
        return function()
            return { value = extractors[name] }
        end
    end,
}

Dissector = {
    get = function(name)
        return {
            call = function(_, tvb, pinfo, tree)
                return protocols[name].dissector(tvb, pinfo, tree)
            end,
        }
    end,
}

DissectorTable = {
    get = function(name)
        tables[name] = tables[name] or {}
        return {
            add = function(_, key, proto)
                tables[name][key] = proto
            end,
        }
    end,
}

-- bytes ---------------------------------------------------------------------------------------------------------------

local function from_hex(text)
    return (text:gsub("%x%x", function(pair)
        return string.char(tonumber(pair, 16))
    end))
end

local function buffer(data)
    local self = { is_range = true }
    function self.len()
        return #data
    end
    function self.raw()
        return data
    end
    function self.tvb()
        return buffer(data)
    end
    return setmetatable(self, {
        __call = function(_, start, size)
            start, size = start or 0, size or #data - (start or 0)
            assert(start >= 0 and size >= 0 and start + size <= #data, "Range is out of bounds")
            return buffer(data:sub(start + 1, start + size))
        end,
    })
end

ByteArray = {
    new = function(text)
        return {
            tvb = function(_, name)
                assert(name)
                return buffer(from_hex(text))
            end,
        }
    end,
}

-- trees ---------------------------------------------------------------------------------------------------------------

local function checked(field, value)
    if field.kind == "string" then
        assert(type(value) == "string" and not value:find("%z"))
    elseif field.kind == "bytes" then
        assert(value == nil)
    else
        assert(type(value) == "number", field.abbrev)
        assert(field.kind == "double" or value == math.floor(value), field.abbrev)
    end
end

local function item(depth, name, list)
    local self = { depth = depth, name = name, text = "", hidden = false }
    list[#list + 1] = self
    self.set_generated = nothing
    function self.set_text(_, text)
        self.text = text
    end
    function self.set_hidden()
        self.hidden = true
    end
    function self.add_proto_expert_info(_, one, text)
        item(depth + 1, "_ws.expert", list).text = "(" .. one.severity .. "/" .. one.group .. "): " .. text
    end
    function self.add(_, what, ...)
        local arguments = { ... }
        if type(arguments[1]) == "table" and arguments[1].is_range then
            table.remove(arguments, 1)
        end
        if type(what) == "table" and what.is_protocol then
            return item(depth + 1, what.name, list)
        end
        if type(what) == "table" and what.abbrev then
            checked(what, arguments[1])
            return item(depth + 1, what.abbrev, list)
        end
        return item(depth + 1, "", list)
    end
    return self
end

-- packets -------------------------------------------------------------------------------------------------------------

assert(loadfile(arg[1]))()
for _, proto in pairs(protocols) do
    if proto.init then
        proto.init()
    end
end

for line in io.lines() do
    local encapsulation, number, at, interface, direction, hex = line:match("^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$")
    local list = {}
    extractors["frame.interface_name"] = interface
    local columns = {}
    local pinfo = {
        number = tonumber(number),
        abs_ts = tonumber(at),
        visited = false,
        p2p_dir = tonumber(direction),
        cols = columns,
    }
    local proto = tables.wtap_encap[tonumber(encapsulation)]
    proto.dissector(buffer(from_hex(hex)), pinfo, item(-1, "root", list))
    for at_item = 2, #list do
        local one = list[at_item]
        local text = one.hidden and "" or one.text
        io.write(number, "\t", one.depth, "\t", one.hidden and 1 or 0, "\t", one.name, "\t", text, "\n")
    end
    io.write(number, "\tcolumns\t", columns.src, "\t", columns.dst, "\t", columns.protocol, "\t", columns.info, "\n")
end
