"""What the test films say about their patient; none of it may come out of data_prep."""

PLANTED = ("Secretname", "Confidential", "HOSP-4711", "ACC998877", "19531224")
