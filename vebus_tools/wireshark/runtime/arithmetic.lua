-- Numbers and texts in the few forms that Lua 5.2 (doubles only) and Lua 5.4 (integers) share.
local numbers = {}

-- Whole number of value / 2 ^ count.
function numbers.shift_right(value, count)
    return math.floor(value / 2 ^ count)
end

-- Bits that both numbers have; of negative ones the lower 48 bits count.
function numbers.both(left, right)
    local a, b, found, place = left % 2 ^ 48, right % 2 ^ 48, 0, 1
    while a > 0 and b > 0 do
        if a % 2 >= 1 and b % 2 >= 1 then
            found = found + place
        end
        a, b, place = math.floor(a / 2), math.floor(b / 2), place * 2
    end
    return found
end

function numbers.bits(value, shift, width)
    return numbers.shift_right(value, shift) % 2 ^ width
end

function numbers.decimal(value)
    return string.format("%d", value)
end

-- Decimals that keep two neighbouring raw numbers apart: 1 -> 0, 10 -> 1, 50 and 100 -> 2, 200 -> 3.
function numbers.places(divisor)
    return divisor > 1 and #numbers.decimal(divisor - 1) or 0
end

local texts = {}

function texts.hex(data, between)
    local parts = {}
    for at = 1, #data do
        parts[at] = string.format("%02x", data:byte(at))
    end
    return table.concat(parts, between or " ")
end

-- The same text on one line: what is not printable ASCII becomes an escape such as \x1b.
function texts.printable(text)
    return (text:gsub("%c", function(char)
        local code = char:byte()
        local named = { [9] = "\\t", [10] = "\\n", [13] = "\\r" }
        return named[code] or string.format("\\x%02x", code)
    end))
end

-- Without white space at both ends, as Python counts it.
function texts.stripped(text)
    return (text:gsub("^[%s\28-\31]+", ""):gsub("[%s\28-\31]+$", ""))
end

function texts.contains(text, part)
    return text:find(part, 1, true) ~= nil
end

-- A set of the numbers of a list, in which a pair stands for all from its first to its last.
local function set(members)
    local found = {}
    for _, member in ipairs(members) do
        if type(member) == "table" then
            for number = member[1], member[2] do
                found[number] = true
            end
        else
            found[member] = true
        end
    end
    return found
end

return numbers, texts, set
