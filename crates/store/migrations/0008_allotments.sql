-- Several sales over one inventory: how many of the event's seats a sale may have held or sold at once; null is no bound but the hall.
alter table sale
    add column allotment integer constraint sale_allotment check (allotment between 1 and 1000000);
