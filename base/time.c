/* Times as text: RFC 3339 and the HTTP date, always UTC, over the proleptic Gregorian calendar. No time zone
 * data, no locale, no libc calendar: the same answer on every machine. Years 0000 … 9999; times outside are
 * shown as the nearest end. */
#include <stdio.h>

#include "base/encoding.h"

static const int64_t TIME_LEAST_S = -62167219200; /* 0000-01-01T00:00:00Z */
static const int64_t TIME_MOST_S = 253402300799;  /* 9999-12-31T23:59:59Z */
enum { DAY_S = 86400 };

struct civil {
    int year, month, day, hour, minute, second;
    int weekday; /* 0 is Sunday */
};

/* Days since 1970-01-01. Years start in March here, so that the leap day is the last day of a year; an era is
 * 400 years. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static struct civil civil_of(int64_t at_ms)
{
    int64_t at_s = at_ms / 1000 - (at_ms % 1000 < 0);
    at_s = at_s < TIME_LEAST_S ? TIME_LEAST_S : at_s;
    at_s = at_s > TIME_MOST_S ? TIME_MOST_S : at_s;
    int64_t days = at_s / DAY_S - (at_s % DAY_S < 0);
    int second_of_day = (int)(at_s - days * DAY_S);

    int64_t shifted = days + 719468; /* days since 0000-03-01 */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    return (struct civil){
        .year = (int)(year_of_era + era * 400 + (month <= 2)),
        .month = month,
        .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
        .hour = second_of_day / 3600,
        .minute = second_of_day / 60 % 60,
        .second = second_of_day % 60,
        .weekday = (int)((days % 7 + 7 + 4) % 7), /* 1970-01-01 was a Thursday */
    };
}

void time_format(int64_t at_ms, char out[32])
{
    struct civil c = civil_of(at_ms);
    (void)snprintf(out, 32, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour, c.minute,
                   c.second);
}

void time_format_http(int64_t at_ms, char out[32])
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct civil c = civil_of(at_ms);
    (void)snprintf(out, 32, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[c.weekday], c.day,
                   months[c.month - 1], c.year, c.hour, c.minute, c.second);
}

/* Reading: a cursor over the text; each step takes what the grammar of RFC 3339 §5.6 wants next. */
struct reader {
    struct bytes rest;
    bool is_bad;
};

static int take_number(struct reader *r, size_t digits, int least, int most)
{
    int value = 0;
    if (r->rest.n < digits) {
        r->is_bad = true;
        return least;
    }
    for (size_t i = 0; i < digits; i++) {
        uint8_t c = r->rest.p[i];
        r->is_bad = r->is_bad || c < '0' || c > '9';
        value = value * 10 + (c - '0');
    }
    r->rest.p += digits;
    r->rest.n -= digits;
    r->is_bad = r->is_bad || value < least || value > most;
    return r->is_bad ? least : value;
}

static char take_one_of(struct reader *r, const char *allowed)
{
    for (; r->rest.n > 0 && *allowed != '\0'; allowed++) {
        if (r->rest.p[0] == (uint8_t)*allowed) {
            r->rest.p++;
            r->rest.n--;
            return *allowed;
        }
    }
    r->is_bad = true;
    return '\0';
}

static int days_in_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

/* ".123456": at least one digit; what is finer than a millisecond is cut off. */
static int64_t take_fraction_ms(struct reader *r)
{
    int64_t ms = 0;
    int64_t weight = 100;
    if (r->rest.n == 0 || r->rest.p[0] != '.') {
        return 0;
    }
    (void)take_one_of(r, ".");
    do {
        ms += weight * take_number(r, 1, 0, 9);
        weight /= 10;
    } while (!r->is_bad && r->rest.n > 0 && r->rest.p[0] >= '0' && r->rest.p[0] <= '9');
    return ms;
}

static int64_t take_offset_s(struct reader *r)
{
    char sign = take_one_of(r, "Zz+-");
    if (sign != '+' && sign != '-') {
        return 0;
    }
    int hours = take_number(r, 2, 0, 23);
    (void)take_one_of(r, ":");
    int64_t offset_s = INT64_C(3600) * hours + INT64_C(60) * take_number(r, 2, 0, 59);
    return sign == '-' ? -offset_s : offset_s;
}

static int64_t take_date_s(struct reader *r)
{
    int year = take_number(r, 4, 0, 9999);
    (void)take_one_of(r, "-");
    int month = take_number(r, 2, 1, 12);
    (void)take_one_of(r, "-");
    int day = take_number(r, 2, 1, days_in_month(year, month));
    return days_of(year, month, day) * DAY_S;
}

err_t time_parse(struct bytes text, int64_t *out_ms)
{
    struct reader r = {.rest = text};
    int64_t at_s = take_date_s(&r);
    (void)take_one_of(&r, "Tt");
    at_s += INT64_C(3600) * take_number(&r, 2, 0, 23);
    (void)take_one_of(&r, ":");
    at_s += INT64_C(60) * take_number(&r, 2, 0, 59);
    (void)take_one_of(&r, ":");
    int second = take_number(&r, 2, 0, 60);
    int64_t fraction_ms = take_fraction_ms(&r);
    at_s += second - take_offset_s(&r);
    /* a leap second ends a UTC day (RFC 3339 §5.7); Unix time counts it as the first second of the next */
    bool is_misplaced = second == 60 && at_s % DAY_S != 0;
    ENSURE(!r.is_bad && r.rest.n == 0 && !is_misplaced, ERR_BAD_ENCODING,
           "a time like 2026-11-22T17:40:39Z is expected (RFC 3339)");
    *out_ms = at_s * 1000 + fraction_ms;
    return OK;
}
