-- Rules of BMS profiles: what has to agree within a payload.
local rules = {}

local function value_of(place, payload)
    local raw, size = 0, place.size or 1
    for at = size, 1, -1 do
        raw = raw * 0x100 + payload:byte(place.at + at)
    end
    raw = numbers.bits(raw, place.shift, place.width)
    if place.invert then
        raw = 2 ^ place.width - 1 - raw
    end
    if place.signed and raw >= 2 ^ (place.width - 1) then
        raw = raw - 2 ^ place.width
    end
    return raw * place.scale + place.offset
end

local HOLDS = {
    ["none-of"] = function(rule, value, payload)
        local any = false
        for _, place in ipairs(rule.of) do
            any = any or value_of(place, payload) ~= 0
        end
        return (value ~= 0) ~= any
    end,
    ["bit-of"] = function(rule, value, payload)
        return value == numbers.bits(value_of(rule.of[1], payload), rule.bit, 1)
    end,
    fixed = function(rule, value)
        return value == rule.value
    end,
}

-- What is said of the rules that these bytes break.
function rules.broken(declared, payload)
    local found = {}
    for _, rule in ipairs(declared.rules or {}) do
        local holds = HOLDS[rule.sort] or HOLDS.fixed
        if not holds(rule, value_of(rule.field, payload), payload) then
            found[#found + 1] = rule.text
        end
    end
    return found
end

return rules
