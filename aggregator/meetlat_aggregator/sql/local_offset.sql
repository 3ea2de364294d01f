epoch_us((moment AT TIME ZONE 'UTC') AT TIME ZONE getvariable('timezone')) - epoch_us(moment)
