-- Raw numbers -> physical values, by scales that the capture announced or that were published.
local scales = {}

local NOT_IN_FRAME = "not in this frame"
local NOT_VALID = "not valid here"
scales.NOT_KNOWN = "scale not known"
local NO_VALUE = "no value for this raw number"
local NOT_SUPPORTED = "not supported by the device"
local HALF, FULL = 0x4000, 0x8000

local function as_i16(number)
    return number >= FULL and number - 2 * FULL or number
end

-- What an announced scale of a RAM variable means.
function scales.ram_rule(scale, offset)
    scale, offset = as_i16(scale), as_i16(offset)
    local size = math.abs(scale)
    if offset == -FULL then
        return size > 0 and size <= 16 and { bit = size - 1, signed = false } or { reason = NOT_SUPPORTED }
    end
    if size == 0 or size == FULL then
        return { reason = NOT_SUPPORTED }
    end
    local multiply, divide = size, 1
    if size >= HALF then
        multiply, divide = 1, FULL - size
    end
    return { multiply = multiply, divide = divide, offset = offset, signed = scale < 0 }
end

function scales.setting_rule(scale, offset)
    scale, offset = as_i16(scale), as_i16(offset)
    if scale == 0 then
        return { reason = NOT_SUPPORTED }
    end
    return { multiply = math.max(scale, 1), divide = math.max(-scale, 1), offset = offset, signed = false }
end

local assumed_rules = { ram = {}, setting = {} }
for variable, pair in pairs(DECLARED.ram_scales) do
    assumed_rules.ram[variable] = scales.ram_rule(pair[1], pair[2])
end
for setting, pair in pairs(DECLARED.setting_scales) do
    assumed_rules.setting[setting] = scales.setting_rule(pair[1], pair[2])
end

local function with(rule, changes)
    local copy = {}
    for key, value in pairs(rule) do
        copy[key] = value
    end
    for key, value in pairs(changes) do
        copy[key] = value
    end
    return copy
end

local function known_rule(kind, id, book)
    local learned = book(kind, id)
    if learned then
        return with(learned, { assumed = false })
    end
    return assumed_rules[kind][id] and with(assumed_rules[kind][id], { assumed = true })
end

local function evaluated(expression, raws)
    if type(expression) == "function" then
        return expression(raws)
    end
    return expression
end

local function ram_rule(scale, raws, book, variable)
    local wanted = variable
    if scale.variable ~= nil then
        wanted = evaluated(scale.variable, raws)
    end
    local rule = wanted and known_rule("ram", wanted, book)
    if not rule then
        return { reason = scales.NOT_KNOWN }
    end
    if scale.announced_sign then
        rule.signed = rule.signed or DECLARED.always_signed[wanted] or false
    else
        rule.signed = nil
    end
    local times = 1
    if scale.times ~= nil then
        times = evaluated(scale.times, raws)
    end
    if times == nil then
        return { reason = NOT_IN_FRAME }
    end
    if rule.reason then
        return rule
    end
    if scale.frequency then
        return rule.bit and { reason = NO_VALUE } or with(rule, { over = DECLARED.constants.periods_per_second * times })
    end
    return rule.bit and rule or with(rule, { multiply = rule.multiply * times })
end

local function rule_of(spec, raws, book, variable)
    local scale = spec.scale
    if not scale then
        return {}
    end
    if scale.kind == "linear" then
        return scale
    end
    if scale.kind == "reciprocal" then
        return { over = scale.numerator }
    end
    if scale.kind == "ram" then
        return ram_rule(scale, raws, book, variable)
    end
    local wanted = variable
    if scale.setting ~= nil then
        wanted = evaluated(scale.setting, raws)
    end
    return wanted and known_rule("setting", wanted, book) or { reason = scales.NOT_KNOWN }
end

local function reread(rule, raw, bits)
    if rule.signed == nil then
        return raw
    end
    local bare = raw % 2 ^ bits
    return rule.signed and bare >= 2 ^ (bits - 1) and bare - 2 ^ bits or bare
end

local function value_by(rule, raw)
    if rule.bit then
        return numbers.bits(raw, rule.bit, 1)
    end
    -- The zero added last makes 0 of the -0 that doubles have.
    local top, divide = (raw + (rule.offset or 0)) * (rule.multiply or 1) + 0, rule.divide or 1
    if rule.over then
        return top ~= 0 and rule.over * divide / top or nil
    end
    return divide == 1 and top or top / divide
end

-- Value, whether its scale is only assumed, why there is none.
function scales.physical(spec, raw, raws, book, variable)
    if not spec.scale and not spec.absent and not spec.valid then
        return raw, false, ""
    end
    if spec.absent and spec.absent[raw] then
        return nil, false, spec.absent_text
    end
    if spec.valid then
        local valid = spec.valid(raws)
        if valid == nil or valid == 0 then
            return nil, false, NOT_VALID
        end
    end
    local rule = rule_of(spec, raws, book, variable)
    if rule.reason then
        return nil, rule.assumed or false, rule.reason
    end
    local value = value_by(rule, reread(rule, raw, spec.bits_wide or 16))
    return value, rule.assumed or false, value == nil and NO_VALUE or ""
end

function scales.decimals(spec, raws, book, variable)
    if spec.decimals then
        return spec.decimals
    end
    local scale = spec.scale
    if scale and (scale.kind == "reciprocal" or scale.frequency) then
        return DECLARED.constants.frequency_decimals
    end
    if scale and scale.times then
        spec = { scale = with(scale, {}) }
        spec.scale.times = nil
    end
    return numbers.places(rule_of(spec, raws, book, variable).divide or 1)
end

-- Whether a scale of this RAM variable is known and can be used.
function scales.is_announced(variable, book)
    local rule = known_rule("ram", variable, book)
    return rule ~= nil and rule.reason == nil
end

return scales
