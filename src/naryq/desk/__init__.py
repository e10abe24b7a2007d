"""The trading desk: pages for those who trade, operate, watch and look on, in Kazakh, Russian and English."""
